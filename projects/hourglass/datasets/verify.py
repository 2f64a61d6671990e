"""Check a whole data folder: list everything that is wrong with its images and its people."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hourglass.datasets.base import PersonDataset
from hourglass.datasets.checks import missing_images, person_problem, place_problem, unit_problem
from hourglass.errors import DataError
from hourglass.io.images import find_bits, read_image


@dataclass
class Findings:
    """Everything that was found in a data set: kind -> a line for each case."""

    people: int                         # how many there are
    images: int
    # problems to fix before training, and peculiarities that do not disturb it
    errors: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def summary(self, examples: int = 3) -> str:
        """Return lines of text: the counts, and the first cases of each problem."""
        lines = [f'{self.people} people on {self.images} images']
        for title, found in (('error', self.errors), ('note', self.notes)):
            for problem, cases in found.items():
                lines += [f'  {title}: {len(cases)} {problem}',
                          *(f'    {case}' for case in cases[:examples])]
        return '\n'.join(lines if self.errors else [*lines, '  no errors'])


def verify(dataset: PersonDataset, decode: bool = True, workers: int = 2) -> Findings:
    """Check a data set made with ``lazy_init=True``; otherwise it stops at the first problem.

    ``decode`` reads every image, in ``workers`` threads, to find broken images and people outside.
    Raises ``DataError`` if the image folder, the annotation file or one of its rows cannot be read.
    """
    people = dataset.people()
    folder = Path(dataset.data_prefix['img'])
    names = {person.image_name for person in people}
    found = Findings(len(people), len(names))
    errors, notes = found.errors, found.notes
    if not people:
        errors['splits without people'].append(dataset.ann_file)
    if problem := unit_problem(people):
        errors['coordinates that are no px'].append(problem)
    missing = missing_images(folder, names)
    first_rows = {person.image_name: person.row for person in reversed(people)}
    for name, hint in sorted(missing.items()):
        errors['images missing'].append(f'{name}{hint}, row {first_rows[name]}')
    sizes = {}                                                          # name -> (w, h)
    if decode:
        present = sorted(names - set(missing))
        for name, size in _read_sizes(folder, present, dataset.bits, workers):
            if isinstance(size, str):
                errors['images that cannot be read'].append(size)
            else:
                sizes[name] = size
    for person in people:
        where = f'row {person.row} ({person.image_name})'
        problem = person_problem(person, dataset.metainfo['num_keypoints'],
                                 dataset.no_unit if dataset.test_mode else None)
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
        problem = None if problem else place_problem(person, sizes[person.image_name])
        if problem:
            errors['people who do not fit their image'].append(f'{where}: {problem}')
    return found


def _read_sizes(folder: Path, names: list[str], bits: int | None, workers: int
                ) -> Iterator[tuple[str, tuple[int, int] | str]]:
    """Read images in threads, and yield their names with (w, h), or the error of a broken one."""
    paths = [folder / name for name in names]
    read = partial(_size_or_error, bits=bits or find_bits(paths))
    with ThreadPoolExecutor(workers) as pool:
        yield from zip(names, tqdm(pool.map(read, paths), 'reading images', len(names),
                                   disable=None))


def _size_or_error(path: Path, bits: int | None) -> tuple[int, int] | str:
    try:
        height, width = read_image(path, bits).shape[:2]
    except DataError as error:
        return str(error)
    return width, height
