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

from hourglass.datasets.base import PersonDataset, missing_images, person_problem
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
        if person.image_name not in sizes:
            continue
        end = np.array(sizes[person.image_name]) - 0.5          # (2,) x, y of the last pixel's edge
        outside = ((person.keypoints_image < -0.5) | (person.keypoints_image > end)).any(-1).sum()
        if outside:
            notes['people with joints outside their image'].append(f'{where}: {outside} joints')
        low, high = (person.center_image + sign * person.side_image / 2 for sign in (-1, 1))
        croppable = np.isfinite(person.center_image).all() and person.side_image > 0
        if croppable and ((high < -0.5).any() or (low > end).any()):
            errors['people with a crop outside their image'].append(
                f'{where}: from {low.round().tolist()} to {high.round().tolist()} in '
                '{}x{} px'.format(*sizes[person.image_name]))
    return found


def _decode_all(folder: Path, names: Sequence[str], workers: int
                ) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Return the sizes (w, h) of the readable images, and a line for each of the others."""
    with ThreadPoolExecutor(workers) as pool:
        results = dict(zip(names, tqdm(pool.map(_size_or_error, [folder / name for name in names]),
                                       'reading images', len(names), disable=None), strict=True))
    return ({name: size for name, size in results.items() if not isinstance(size, str)},
            [error for error in results.values() if isinstance(error, str)])


def _size_or_error(path: Path) -> tuple[int, int] | str:
    try:
        height, width = read_image(path).shape[:2]
    except DataError as error:
        return str(error)
    return width, height
