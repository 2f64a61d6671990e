"""Small annotation files in the forms that mmpose's data sets read; the configs of a page."""
import json
import re
from pathlib import Path

import numpy as np
from conftest import REPOSITORY


def blocks(page: str) -> dict[str, str]:
    """Return the files that a page of the documentation shows, by their names."""
    return dict(re.findall(r'^```python file=(\S+)\n(.*?)^```$',
                           (REPOSITORY / 'docs' / page).read_text(), re.MULTILINE | re.DOTALL))


def write_theirs(folder: Path, kind: str, count: int, images: Path) -> Path:
    """Write an annotation of these images with ``count`` keypoints, for two people an image.

    A fifth of the keypoints is not annotated, but the first two are.
    """
    rng, entries, people = np.random.default_rng(0), [], []
    for image_id, path in enumerate(sorted(images.iterdir()), 11):
        entries.append(dict(id=image_id, file_name=path.name, width=128, height=128))
        for corner in ((10, 20), (70, 60)):
            size = rng.uniform(50, 70, 2)
            keypoints = corner + rng.uniform(0.05, 0.95, (count, 2)) * size         # (K, 2)
            flags = rng.choice([0, 1, 2], count, p=[0.2, 0.2, 0.6])
            flags[:2] = 2
            triples = np.column_stack([keypoints * (flags > 0)[:, None], flags])    # (K, 3)
            person = dict(
                id=100 + len(people), image_id=image_id, category_id=1, iscrowd=0,
                keypoints=triples.ravel().tolist(), num_keypoints=int((flags > 0).sum()),
                bbox=[*map(float, (*corner, *size))], area=float(0.6 * size.prod()))
            if kind == 'AP10KDataset':
                person['category_id'] = 1 + len(people) % 2
            if kind == 'WFLWDataset':
                person.update(center=(corner + size / 2).tolist(), scale=float(size.max() / 200))
            people.append(person)
    categories = [dict(id=1, name='person', supercategory='person')]
    if kind == 'AP10KDataset':
        categories = [dict(id=i, name=name, supercategory='animal')
                      for i, name in ((1, 'antelope'), (2, 'argali sheep'))]
    annotation = folder / f'{kind}.json'
    annotation.write_text(json.dumps(dict(
        info={}, images=entries, annotations=people, categories=categories)))
    return annotation
