"""Two annotated cats on an image, in every form."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from own_people import write_images

from hourglass.datasets.coco_file import read_coco
from hourglass.datasets.forms.convert import Source, as_coco

# two cats on 80 x 60 px; the second has no eye, and its nose is hidden where forms can say so
NOSES, EYE, BOXES = [(20.0, 15.0), (60.0, 30.0)], (24.0, 12.0), [(10, 6, 24, 30), (40, 12, 32, 36)]


def converted(path: Path, images: Path | None = None) -> tuple[Source, dict]:
    source = as_coco(path, images, path.parent / 'out/annotations.json')
    read_coco(source.file)                              # it is one of COCO's form
    return source, json.loads(source.file.read_text())


def check(content: dict, hidden: bool = True, boxes: bool = True, name: str = 'a.png') -> None:
    """The two cats are there, on an image of that name."""
    assert content['images'] == [dict(id=1, file_name=name, width=80, height=60)]
    assert content['categories'][0]['keypoints'] == ['nose', 'eye']
    keypoints = [one['keypoints'] for one in content['annotations']]
    assert np.allclose(keypoints, [[*NOSES[0], 2, *EYE, 2],
                                   [*NOSES[1], 1 if hidden else 2, 0, 0, 0]], atol=1e-4)
    if boxes:
        assert np.allclose([one['bbox'] for one in content['annotations']], BOXES, atol=1e-4)


def labelme(folder: Path, grouped: bool = True, **changes: object) -> Path:
    write_images(folder, ['a.png'])

    def shape(kind: str, label: str, group: int, *points: tuple[float, float]) -> dict:
        return dict(label=label, points=points, shape_type=kind,
                    group_id=group if grouped else None)
    shapes = [shape('point', 'nose', 0, NOSES[0]), shape('point', 'eye', 0, EYE),
              shape('point', 'nose', 1, NOSES[1]) | dict(flags=dict(occluded=True))]
    shapes += [shape('rectangle', 'cat', i, (x + width, y), (x, y + height))
               for i, (x, y, width, height) in enumerate(BOXES)]
    (folder / 'a.json').write_text(json.dumps(dict(
        imagePath=r'..\raw\a.png', imageWidth=80, imageHeight=60, shapes=shapes) | changes))
    return folder
