"""MPII's official annotations, ``mpii_human_pose_v1_u12_1.mat``.

In Matlab's words it holds ``RELEASE`` with ``annolist(i).image.name``, ``annolist(i).annorect(r)``,
``img_train(i)`` and ``single_person{i}``. A rect is a person: head box ``x1, y1, x2, y2``,
``scale``, ``objpos`` and ``annopoints.point(j)`` with ``x, y, id, is_visible``. Every field can be
missing or empty at every level.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.io.matlab import mat_struct

from hourglass.datasets.mpii.files import head_unit
from hourglass.errors import DataError
from hourglass.io.mat import read_mat

_NUM_JOINTS = 16


@dataclass(frozen=True)
class ReleasePerson:
    """A person of the release who can be cropped, numbers as annotated: image px, 1-based."""

    image_name: str
    place: tuple[int, int]          # image in annolist and person in annorect, 0-based
    training: bool                  # whether the joints of the image are published
    single_person: bool             # stands apart from others, and the official score counts it
    center: ndarray                 # (2,) x, y of the rough middle of the person (objpos)
    scale: float                    # height of the person over 200 px
    joints: ndarray                 # (16, 2) x, y; NaN where not annotated
    occluded: ndarray               # (16,) bool; annotated, but marked as not visible
    head_box: ndarray | None        # (4,) x1, y1, x2, y2; None where missing, as for test people

    @property
    def annotated(self) -> ndarray:
        return ~np.isnan(self.joints).any(-1)                               # (16,) bool


@dataclass(frozen=True)
class Release:
    """The content of the official file, in its order."""

    path: Path
    image_names: list[str]
    training: list[bool]                        # of each image: whether its joints are published
    num_rects: list[int]                        # of each image: people, those without fields too
    people: list[ReleasePerson]                 # who can be cropped
    without_crop: dict[tuple[int, int], str]    # places of the others -> lacking objpos or scale
    half_filled: dict[str, list[str]]           # kind -> places with odd numbers

    def summary(self) -> str:
        """Return lines of text: the counts, and everything that was left out."""
        return '\n'.join((
            f'{self.path}: {len(self.image_names):,} images, {sum(self.training):,} of them for '
            f'training; {sum(self.num_rects):,} people',
            *(f'{len(places):>8,} {kind} half filled, impossible or double, read as empty; first '
              f'{places[0]}' for kind, places in sorted(self.half_filled.items()))))


def read_release(path: str | Path) -> Release:
    """Read the official file, which takes about a minute; another file raises ``DataError``.

    Users cannot fix the file, so a half filled field counts as empty and is listed.
    """
    content = read_mat(path, 'RELEASE', fields=('annolist', 'img_train', 'single_person'))
    if content.size != 1:
        raise DataError(f"{path}: 'RELEASE' is empty; fetch the file again")
    annolist, img_train = (_items(content[0], name) for name in ('annolist', 'img_train'))
    # scipy unpacks the only cell of an array of one
    single_person = ([content[0].single_person] if len(annolist) == 1
                     else _items(content[0], 'single_person'))
    if not len(annolist) == len(img_train) == len(single_person):
        raise DataError(f'{path}: {len(annolist)} images in annolist, {len(img_train)} in '
                        f'img_train, {len(single_person)} in single_person; fetch the file again')
    release = Release(Path(path), [], [], [], [], {}, defaultdict(list))
    for entry, training, numbers in zip(annolist, img_train, single_person):
        _add_image(release, entry, training, np.ravel(numbers))
    return release


def _add_image(release: Release, entry: Any, img_train: Any, single_person: ndarray) -> None:
    index = len(release.image_names)
    where = f'{release.path}, annolist({index + 1})'                    # as Matlab counts
    name = _Struct(entry, where, release.half_filled).struct('image').only('name')
    if not isinstance(name, str):
        raise DataError(f'{where}: image.name is {name!r}, a file name needed')
    if img_train not in (0, 1):
        raise DataError(f'{where} ({name}): img_train is {img_train}, 0 or 1 needed')
    rects = _items(entry, 'annorect')
    release.image_names.append(name)
    release.training.append(bool(img_train))
    release.num_rects.append(len(rects))
    for number, value in enumerate(rects):
        rect = _Struct(value, f'{where}.annorect({number + 1}) ({name})', release.half_filled)
        center = rect.struct('objpos').numbers('objpos', 'x', 'y')
        scale = rect.numbers('scales', 'scale', possible=lambda scale: scale[0] > 0)
        if center is None or scale is None:
            release.without_crop[index, number] = ' and '.join(
                field for field, value in (('objpos', center), ('scale', scale)) if value is None)
            continue
        joints, occluded = _joints(rect)
        box = rect.numbers('head boxes', 'x1', 'y1', 'x2', 'y2',
                           possible=lambda box: head_unit(box) > 0)
        release.people.append(ReleasePerson(
            image_name=name, place=(index, number), training=bool(img_train),
            single_person=number + 1 in single_person, center=center, scale=float(scale[0]),
            joints=joints, occluded=occluded, head_box=box))


def _joints(rect: _Struct) -> tuple[ndarray, ndarray]:
    """Return (16, 2) joints, NaN where not annotated, and (16,) bool, occluded."""
    joints, occluded = np.full((_NUM_JOINTS, 2), np.nan), np.zeros(_NUM_JOINTS, bool)
    for number, value in enumerate(_items(rect.struct('annopoints').value, 'point')):
        point = _Struct(value, f'{rect.where}.annopoints.point({number + 1})', rect.half_filled)
        numbers = point.numbers('points', 'x', 'y', 'id')
        if numbers is None:
            continue
        if numbers[2] not in range(_NUM_JOINTS):
            raise DataError(f'{point.where}: the id is {numbers[2]:g}, 0 to {_NUM_JOINTS - 1} '
                            'needed; fetch the file again')
        joint = int(numbers[2])
        if not np.isnan(joints[joint, 0]):
            point.leave_out('second points of a joint')
            continue
        mark = point.only('is_visible')                 # neck and head top have none
        if mark not in (None, 0, 1, '0', '1'):
            point.leave_out('marks of visibility')
        joints[joint], occluded[joint] = numbers[:2], mark in (0, '0')
    return joints, occluded


def _items(struct: Any, name: str) -> list:
    """Return the elements of a field that holds an array: none if empty or missing."""
    return list(np.atleast_1d(getattr(struct, name, ())))       # scipy squeezes an array of one


@dataclass
class _Struct:
    """A struct as scipy reads it, with its place in the file for messages."""

    value: Any
    where: str
    half_filled: dict[str, list[str]]

    def leave_out(self, kind: str) -> None:
        self.half_filled[kind].append(self.where)

    def only(self, name: str, kind: Any = object, needed: str = '') -> Any:
        """Return the one value of a field; None where it is empty or missing."""
        value = getattr(self.value, name, ())
        if np.size(value) > 1:
            wrong = f'has {np.size(value)} values, one'
        elif np.size(value) and not isinstance(value, kind):
            wrong = f'is {value!r}, {needed}'
        else:
            return value if np.size(value) else None
        raise DataError(f'{self.where}: {name} {wrong} needed; fetch the file again')

    def struct(self, name: str) -> _Struct:
        """Return the struct in a field, without fields where it is empty or missing."""
        value = self.only(name, mat_struct, 'a struct')
        return _Struct(value, f'{self.where}.{name}', self.half_filled)

    def numbers(self, kind: str, *names: str,
                possible: Callable[[ndarray], bool] = lambda numbers: True) -> ndarray | None:
        """Return the numbers in some fields; None if one of them is empty, missing or not finite.

        If only some are there, or they are not possible, the struct is noted under ``kind``.
        """
        values = [self.only(name, (int, float, np.number), 'a number') for name in names]
        numbers = np.array(values, float)               # NaN for None
        if np.isfinite(numbers).all() and possible(numbers):
            return numbers
        if any(value is not None for value in values):
            self.leave_out(kind)
        return None
