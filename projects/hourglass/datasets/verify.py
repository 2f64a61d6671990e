"""Check a whole data folder: list everything that is wrong with its images and its people.

An annotation that cannot be read raises an error that names the row, as in training.
"""
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hourglass.datasets.base import Person, PersonDataset, missing_images, person_problem
from hourglass.errors import DataError
from hourglass.io.images import read_image


@dataclass
class Findings:
    """Everything that was found in a data set.

    Attributes:
        people, images: how many there are.
        errors: problems to fix before training: kind -> a line for each case.
        notes: peculiarities that do not disturb training, in the same form.
    """

    people: int
    images: int
    errors: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def summary(self, examples: int = 3) -> str:
        """Return lines of text: the counts, and the first cases of each problem."""
        lines = [f'{self.people} people on {self.images} images']
        for title, found in (('error', self.errors), ('note', self.notes)):
            for problem, cases in found.items():
                lines.append(f'  {title}: {len(cases)} {problem}')
                lines += [f'    {case}' for case in cases[:examples]]
        if not self.errors:
            lines.append('  no errors')
        return '\n'.join(lines)


def verify(dataset: PersonDataset, decode: bool = True, workers: int = 2) -> Findings:
    """Check a data set.

    Args:
        dataset: made with ``lazy_init=True``, as it raises an error for the first problem
            otherwise.
        decode: read every image, to find broken images and people outside their image.
        workers: number of threads that read images.

    Raises:
        DataError: if the annotation file or the image folder cannot be read at all.
    """
    people = dataset.read_people()
    folder = Path(dataset.data_prefix['img'])
    names = {person.image_name for person in people}
    found = Findings(len(people), len(names))
    errors, notes = found.errors, found.notes
    if not people:
        errors['splits without people'].append(dataset.ann_file)
    missing = missing_images(folder, names)
    first_rows = {person.image_name: person.row for person in reversed(people)}
    for name, hint in sorted(missing.items()):
        errors['images missing'].append(f'{name}{hint}, row {first_rows[name]}')
    sizes: dict[str, tuple[int, int]] = {}
    if decode:
        sizes, broken = _decode_all(folder, sorted(names - set(missing)), workers)
        if broken:
            errors['images that cannot be read'] = broken
    for person in people:
        where = f'row {person.row} ({person.image_name})'
        problem = person_problem(person, dataset.metainfo['num_keypoints'], dataset.test_mode)
        if problem:
            errors['people with a wrong annotation'].append(f'{where}: {problem}')
        if np.isnan(person.keypoints_image).all():
            notes['people without annotated joints'].append(where)
        size = sizes.get(person.image_name)
        if size is None:
            continue
        outside = _joints_outside(person, size)
        if outside:
            notes['people with joints outside their image'].append(f'{where}: {outside} joints')
        crop = _crop_outside(person, size)
        if crop:
            errors['people with a crop outside their image'].append(f'{where}: {crop}')
    return found


def _joints_outside(person: Person, size: tuple[int, int]) -> int:
    x, y = person.keypoints_image.T
    return int(((x < -0.5) | (y < -0.5) | (x > size[0] - 0.5) | (y > size[1] - 0.5)).sum())


def _crop_outside(person: Person, size: tuple[int, int]) -> str | None:
    if not (np.isfinite(person.center_image).all() and person.side_image > 0):
        return None                             # already listed as a wrong annotation
    low, high = (person.center_image + sign * person.side_image / 2 for sign in (-1, 1))
    if (high < -0.5).any() or (low > np.array(size) - 0.5).any():
        return f'from {low.round().tolist()} to {high.round().tolist()} in {size[0]}x{size[1]} px'
    return None


def _decode_all(folder: Path, names: Sequence[str], workers: int
                ) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Return the sizes (w, h) of the readable images, and a line for each of the others."""
    sizes, broken = {}, []
    with ThreadPoolExecutor(workers) as pool:
        results = pool.map(_size_or_error, [folder / name for name in names])
        for name, result in zip(names, tqdm(results, 'reading images', len(names), disable=None),
                                strict=True):
            if isinstance(result, str):
                broken.append(result)
            else:
                sizes[name] = result
    return sizes, broken


def _size_or_error(path: Path) -> tuple[int, int] | str:
    try:
        height, width = read_image(path).shape[:2]
    except DataError as error:
        return str(error)
    return width, height
