"""The people of FLIC's ``examples.mat`` and of the authors' h5 files."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hourglass.datasets.h5_people import read_people
from hourglass.datasets.person import PX_PER_SCALE, Person
from hourglass.errors import ConfigError, DataError
from hourglass.io.mat import read_mat

SPLITS = ('train', 'test', 'extra')
LABELS = ('observer', 'person')

# columns of examples.mat's coords in the order of skeletons.FLIC (the authors' order)
_COLUMNS = (0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16)
_MIRROR = np.array([3, 4, 5, 0, 1, 2, 7, 6, 9, 8, 10])
_L_SHOULDER, _R_SHOULDER, _L_HIP, _R_HIP = 0, 3, 6, 7

# The authors crop 440 px of the 720x480 frame around row 240, whose centre lies 240.5 px from the
# top. Here these are proportions of the height, for frames of any size.
_CROP_SIDE, _CROP_ROW = 440 / 480, 240.5 / 480


def read_flic(path: str | Path, split: str | Sequence[str] | None = None,
              labels: str | None = None) -> list[Person]:
    """Read the people of ``examples.mat``, or of one of the authors' h5 files; both are 0-based.

    Raises ``DataError`` if the file is not a FLIC annotation, and ``ConfigError`` for a split or
    labels that the file cannot give.

    Args:
        split: ``'train'`` (3,987 people), ``'test'`` (1,016), ``'extra'`` (the people of FLIC-full
            in neither, often from the same scenes as test people), or several; None for an h5 file.
        labels: ``'observer'`` (default) swaps left and right of people seen from behind (with the
            right shoulder right of the left one in the image), as the paper does; ``'person'``
            leaves them. None for an h5 file, which has one of the two.
    """
    splits = (split,) if isinstance(split, str) else tuple(split or ())
    if str(path).endswith('.h5'):
        if splits or labels:
            raise ConfigError(f'{path}: an h5 file holds one split with one kind of labels; leave '
                              'split and labels out')
        return _h5_people(path)
    if not splits or not set(splits) <= set(SPLITS) or labels not in (None, *LABELS):
        raise ConfigError(f'{path}: split={split!r} and labels={labels!r}, choose from {SPLITS} '
                          f'and {LABELS}')
    fields = 'coords', 'filepath', 'imgdims', 'torsobox', 'istrain', 'istest'
    people = []
    for row, example in enumerate(read_mat(path, 'examples', fields)):
        where = f'{path}, row {row} ({example.filepath})'
        flags = {name for name in ('train', 'test') if _flag(example, f'is{name}', where)}
        if not (flags or {'extra'}).isdisjoint(splits):
            people.append(_person(example, labels or 'observer', row, where))
    return people


def _h5_people(path: str | Path) -> list[Person]:
    joints = len(_COLUMNS)
    names, data = read_people(path, dict(
        center=(2,), scale=(), part=(joints, 2), visible=(joints,), normalize=()))
    keypoints_image = np.where((data['visible'] > 0)[..., None], data['part'], np.nan)
    # normalize is the person's own right shoulder to left hip, also where the sides are swapped
    own, other = (np.abs(np.linalg.norm(keypoints_image[:, shoulder] - keypoints_image[:, hip],
                                        axis=-1) - data['normalize'])
                  for shoulder, hip in ((_R_SHOULDER, _L_HIP), (_L_SHOULDER, _R_HIP)))
    return [Person(image_name=name, center_image=data['center'][row],
                   side_image=PX_PER_SCALE * float(data['scale'][row]),
                   keypoints_image=keypoints_image[row], occluded=np.zeros(joints, bool), row=row,
                   sides_swapped=bool(other[row] < own[row]))
            for row, name in enumerate(names)]


def _flag(example: Any, name: str, where: str) -> bool:
    value = np.asarray(getattr(example, name)).ravel()
    if value.size != 1 or value[0] not in (0, 1):
        raise DataError(f'{where}: {name} is {value.tolist()}, 0 or 1 needed')
    return bool(value[0])


def _person(example: Any, labels: str, row: int, where: str) -> Person:
    try:
        coords, torso_box, frame = (np.array(value, float) for value in (
            example.coords, example.torsobox, example.imgdims))
    except (TypeError, ValueError) as error:
        raise DataError(f'{where}: {error}') from None
    if torso_box.shape != (4,) or frame.size < 2 or not np.isfinite(frame).all():
        raise DataError(f'{where}: torsobox {torso_box.tolist()} and imgdims {frame.tolist()}, '
                        'four and three numbers needed')
    if coords.ndim != 2 or coords.shape[0] != 2 or coords.shape[1] <= max(_COLUMNS):
        raise DataError(f'{where}: coords of shape {coords.shape}, (2, 29) needed')
    keypoints_image = coords[:, _COLUMNS].T                                     # (11, 2)
    from_behind = keypoints_image[_R_SHOULDER, 0] > keypoints_image[_L_SHOULDER, 0]
    sides_swapped = bool(labels == 'observer' and from_behind)
    if sides_swapped:
        keypoints_image = keypoints_image[_MIRROR]
    return Person(
        image_name=str(example.filepath), side_image=_CROP_SIDE * frame[0],
        center_image=np.array([torso_box[[0, 2]].mean(), _CROP_ROW * frame[0] - 0.5]),
        keypoints_image=keypoints_image, sides_swapped=sides_swapped, row=row,
        occluded=np.zeros(len(_COLUMNS), bool))         # FLIC does not annotate occlusion
