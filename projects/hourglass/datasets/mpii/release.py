"""MPII's official annotations, ``mpii_human_pose_v1_u12_1.mat``, holes and all.

In Matlab's words the file holds ``RELEASE`` with ``annolist(i).image.name``,
``annolist(i).annorect(r)``, ``img_train(i)`` and ``single_person{i}``. A rect is a person: head box
``x1, y1, x2, y2``, ``scale``, ``objpos`` and ``annopoints.point(j)`` with ``x, y, id, is_visible``.
Every field can be missing or empty at every level.
"""
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.datasets.mpii.files import head_unit
from hourglass.errors import DataError
from hourglass.io.mat import read_mat

_NUM_JOINTS = 16
Holes = dict[str, list[str]]


@dataclass(frozen=True)
class ReleasePerson:
    """A person of the release who can be cropped, numbers as annotated: image px, 1-based.

    Attributes:
        image: name of the image's file.
        place: index of the image in ``annolist`` and of the person in ``annorect``, 0-based.
        training: whether the image is one of those whose joints are published.
        single_person: whether the person stands apart from others: those the official score counts.
        center: (2,) x, y of the rough middle of the person (``objpos``).
        scale: height of the person over 200 px.
        joints: (16, 2) x, y; NaN where not annotated.
        occluded: (16,) bool; annotated, but marked as not visible.
        head_box: (4,) x1, y1, x2, y2; None where there is none, as for test people.
    """

    image: str
    place: tuple[int, int]
    training: bool
    single_person: bool
    center: ndarray
    scale: float
    joints: ndarray
    occluded: ndarray
    head_box: ndarray | None

    @property
    def annotated(self) -> ndarray:
        """(16,) bool; which joints are annotated."""
        return ~np.isnan(self.joints).any(-1)


@dataclass(frozen=True)
class Release:
    """What the official file tells.

    Attributes:
        path: the file.
        images: names of the images, in the order of ``annolist``.
        training: of each image, whether it is one of those whose joints are published.
        num_rects: of each image, how many people it lists, those without any field included.
        people: who can be cropped, in the order of the file.
        without_crop: places of the others, and which of ``objpos`` and ``scale`` they lack.
        half_filled: what was left out because some of its numbers are missing, NaN or impossible:
            kind -> where.
    """

    path: Path
    images: list[str]
    training: list[bool]
    num_rects: list[int]
    people: list[ReleasePerson]
    without_crop: dict[tuple[int, int], str]
    half_filled: dict[str, list[str]]


def read_release(path: str | Path) -> Release:
    """Read the official file; takes about a minute, most of it in scipy.

    Raises:
        DataError: for a file of another kind. What is half filled counts as empty, for nobody can
            mend the official file; ``half_filled`` tells where.
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
    for index in range(len(annolist)):
        _add_image(release, annolist[index], img_train[index], np.ravel(single_person[index]))
    return release


def _add_image(release: Release, entry: Any, img_train: Any, single_person: ndarray) -> None:
    index = len(release.images)
    where = f'{release.path}, annolist({index + 1})'                    # as Matlab counts
    entry_image = _only(entry, 'image', where)
    image = None if entry_image is None else _only(entry_image, 'name', where)
    if not isinstance(image, str):
        raise DataError(f'{where}: image.name is {image!r}, the name of a file needed')
    if img_train not in (0, 1):
        raise DataError(f'{where} ({image}): img_train is {img_train}, 0 or 1 needed')
    rects = _items(entry, 'annorect')
    release.images.append(image)
    release.training.append(bool(img_train))
    release.num_rects.append(len(rects))
    for number, rect in enumerate(rects):
        person = f'{where}.annorect({number + 1}) ({image})'
        holes = release.half_filled
        center, scale = _center(rect, person, holes), _scale(rect, person, holes)
        if center is None or scale is None:
            release.without_crop[index, number] = ' and '.join(
                name for name, value in (('objpos', center), ('scale', scale)) if value is None)
            continue
        joints, occluded = _joints(rect, person, holes)
        release.people.append(ReleasePerson(
            image=image, place=(index, number), training=bool(img_train),
            single_person=number + 1 in single_person, center=center, scale=scale, joints=joints,
            occluded=occluded, head_box=_head_box(rect, person, holes)))


def _center(rect: Any, where: str, holes: Holes) -> ndarray | None:
    objpos = _only(rect, 'objpos', where)
    if objpos is None:
        return None
    return _numbers(_struct(objpos, 'objpos', where), ('x', 'y'), f'{where}.objpos', 'objpos',
                    holes)


def _scale(rect: Any, where: str, holes: Holes) -> float | None:
    scale = _numbers(rect, ('scale',), where, 'scales', holes)
    if scale is None:
        return None
    if scale[0] <= 0:
        holes['scales'].append(where)
        return None
    return float(scale[0])


def _head_box(rect: Any, where: str, holes: Holes) -> ndarray | None:
    box = _numbers(rect, ('x1', 'y1', 'x2', 'y2'), where, 'head boxes', holes)
    if box is None or not np.isnan(head_unit(box)):
        return box
    holes['head boxes'].append(where)
    return None


def _joints(rect: Any, where: str, holes: Holes) -> tuple[ndarray, ndarray]:
    """(16, 2) joints, NaN where not annotated, and (16,) bool, occluded."""
    joints, occluded = np.full((_NUM_JOINTS, 2), np.nan), np.zeros(_NUM_JOINTS, bool)
    annopoints = _only(rect, 'annopoints', where)
    if annopoints is not None:
        _struct(annopoints, 'annopoints', where)
    for number, point in enumerate(_items(annopoints, 'point')):
        spot = f'{where}.annopoints.point({number + 1})'
        values = _numbers(point, ('x', 'y', 'id'), spot, 'points', holes)
        if values is None:
            continue
        joint = values[2]
        if joint not in range(_NUM_JOINTS):
            raise DataError(f'{spot}: the id is {joint:g}, 0 to {_NUM_JOINTS - 1} needed; fetch '
                            'the file again')
        joint = int(joint)
        if not np.isnan(joints[joint, 0]):
            holes['second points of a joint'].append(spot)
            continue
        joints[joint], occluded[joint] = values[:2], _is_occluded(point, spot, holes)
    return joints, occluded


def _is_occluded(point: Any, where: str, holes: Holes) -> bool:
    """Whether a point is marked as hidden; neck and head top have no mark."""
    mark = _only(point, 'is_visible', where)
    if mark not in (None, 0, 1, '0', '1'):
        holes['marks of visibility'].append(where)
    return mark in (0, '0')


def _struct(value: Any, name: str, where: str) -> Any:
    if not hasattr(value, '_fieldnames'):               # scipy's objects for Matlab's structs
        raise DataError(f'{where}: {name} is {value!r}, a struct needed; fetch the file again')
    return value


def _items(struct: Any, name: str) -> list:
    """The elements of a field that holds an array: none if empty or missing, one if squeezed."""
    return list(np.atleast_1d(getattr(struct, name, ())))


def _only(struct: Any, name: str, where: str) -> Any:
    """The value of a field that holds one; None where it is empty or missing."""
    value = getattr(struct, name, ())
    if np.size(value) > 1:
        raise DataError(f'{where}: {name} has {np.size(value)} values, one needed; fetch the file '
                        'again')
    return value if np.size(value) else None


def _numbers(struct: Any, names: tuple[str, ...], where: str, kind: str, holes: Holes
             ) -> ndarray | None:
    """The numbers in some fields; None if one of them is empty, missing or not finite."""
    values = [_only(struct, name, where) for name in names]
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, int | float | np.number | None):
            raise DataError(f'{where}: {name} is {value!r}, a number needed; fetch the file again')
    if all(value is not None and np.isfinite(value) for value in values):
        return np.array(values, float)
    if any(value is not None for value in values):
        holes[kind].append(where)
    return None
