"""A data folder looked over as a whole: all that is wrong with its images and its people.

An annotation that cannot be read stops it, as it stops training, with the row.
"""
from collections.abc import Iterator, Sequence
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
    """What was found in a data set.

    Attributes:
        people, images: how many there are.
        unusable: what must be mended before training: sort of problem -> a line for each case.
        remarkable: what training bears and a reader should know.
    """

    people: int
    images: int
    unusable: dict[str, list[str]] = field(default_factory=dict)
    remarkable: dict[str, list[str]] = field(default_factory=dict)

    def summary(self, examples: int = 3) -> str:
        """Lines of text: the counts, and of every problem the first cases."""
        lines = [f'{self.people} people on {self.images} images']
        for title, found in (('unusable', self.unusable), ('to know', self.remarkable)):
            for problem, cases in found.items():
                lines.append(f'  {title}: {len(cases)} {problem}')
                lines += [f'    {case}' for case in cases[:examples]]
        if not self.unusable:
            lines.append('  nothing unusable')
        return '\n'.join(lines)


def verify(dataset: PersonDataset, decode: bool = True, workers: int = 2) -> Findings:
    """Look over a data set.

    Args:
        dataset: made with ``lazy_init=True``, so that it has not refused itself already.
        decode: read every image, which finds broken ones and people outside of their images.
        workers: threads that read.

    Raises:
        DataError: if the annotation file or the image folder cannot be read at all.
    """
    people = dataset.read_people()
    folder = Path(dataset.data_prefix['img'])
    images = {person.image for person in people}
    found = Findings(len(people), len(images))
    if not people:
        found.unusable['splits without people'] = [dataset.ann_file]
    missing = missing_images(folder, images)
    first_rows = {person.image: person.row for person in reversed(people)}
    _note(found.unusable, 'images missing',
          (f'{name}{hint}, row {first_rows[name]}' for name, hint in sorted(missing.items())))
    _note(found.unusable, 'people unusable', _with_rows(people, lambda person: person_problem(
        person, dataset.metainfo['num_keypoints'], dataset.test_mode)))
    _note(found.remarkable, 'people without any annotated joint', _with_rows(people, _nothing))
    if decode:
        sizes, broken = _decode_all(folder, sorted(images - set(missing)), workers)
        _note(found.unusable, 'images broken', broken)
        _note(found.remarkable, 'people with joints outside of their image', _with_rows(
            people, lambda person: _joints_outside(person, sizes.get(person.image))))
        _note(found.unusable, 'people whose crop misses their image', _with_rows(
            people, lambda person: _crop_outside(person, sizes.get(person.image))))
    return found


def _note(kind: dict[str, list[str]], problem: str, cases: Iterator[str] | Sequence[str]) -> None:
    cases = list(cases)
    if cases:
        kind[problem] = cases


def _with_rows(people: Sequence[Person], problem_of) -> Iterator[str]:
    for person in people:
        problem = problem_of(person)
        if problem:
            yield f'row {person.row} ({person.image}): {problem}'


def _nothing(person: Person) -> str | None:
    return 'no joints' if np.isnan(person.keypoints_image).all() else None


def _joints_outside(person: Person, size: tuple[int, int] | None) -> str | None:
    if size is None:
        return None
    x, y = person.keypoints_image.T
    outside = (x < -0.5) | (y < -0.5) | (x > size[0] - 0.5) | (y > size[1] - 0.5)
    return f'{outside.sum()} of its joints' if outside.any() else None


def _crop_outside(person: Person, size: tuple[int, int] | None) -> str | None:
    if size is None or not (np.isfinite(person.center_image).all() and person.side_image > 0):
        return None                             # named as unusable already
    low, high = (person.center_image + sign * person.side_image / 2 for sign in (-1, 1))
    if (high < -0.5).any() or (low > np.array(size) - 0.5).any():
        return f'from {low.round().tolist()} to {high.round().tolist()} in {size[0]}x{size[1]} px'
    return None


def _decode_all(folder: Path, names: Sequence[str], workers: int
                ) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Sizes (w, h) of the readable images, and a line for each of the others."""
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
