"""FLIC, Frames Labeled In Cinema: 5,003 people seen from the hips up (Sapp & Taskar, CVPR 2013)."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hourglass.datasets import skeletons
from hourglass.datasets.base import Person, PersonDataset
from hourglass.datasets.h5_people import read_people
from hourglass.errors import ConfigError, DataError
from hourglass.io.mat import read_mat
from hourglass.registry import DATASETS

# columns of examples.mat's coords in the order of skeletons.FLIC (the authors' order)
_COLUMNS = (0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16)
_MIRROR = np.array([3, 4, 5, 0, 1, 2, 7, 6, 9, 8, 10])
_L_SHOULDER, _R_SHOULDER, _L_HIP = 0, 3, 6

# The authors' crop: 440 px of the 720x480 frame around row 240. As proportions of the height,
# for frames of any size; rows are 0-based cell centres, so row 240 of 480 has 240.5 above it.
_CROP_SIDE, _CROP_ROW = 440 / 480, 240.5 / 480
_PX_PER_SCALE = 200                     # the h5 files' scale, 2.2, is in units of 200 px


SPLITS = ('train', 'test', 'extra')
LABELS = ('observer', 'person')


def read_flic(path: str | Path, split: str | Sequence[str] | None = None,
              labels: str | None = None) -> list[Person]:
    """The people of ``examples.mat``, or of one of the authors' h5 files.

    Coordinates are 0-based in both.

    Args:
        path: the file.
        split: of ``examples.mat``: ``'train'`` (3,987 people), ``'test'`` (1,016), or ``'extra'``,
            who in FLIC-full is neither; or several. FLIC-full's extra people come from the same
            films as the test people, often from the same scene. None for an h5 file.
        labels: of ``examples.mat``: ``'observer'`` (default) swaps left and right of people seen
            from behind, whose right shoulder is right of the left one in the image, as the paper
            does; ``'person'`` leaves them. None for an h5 file, which is the one or the other.

    Raises:
        DataError: if the file is no FLIC annotation.
        ConfigError: for a split or labels that the file cannot give.
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
    examples = read_mat(path, 'examples', fields=('coords', 'filepath', 'imgdims', 'torsobox',
                                                  'istrain', 'istest'))
    return [_person(example, labels or 'observer', row, path)
            for row, example in enumerate(examples)
            if not _splits_of(example, row, path).isdisjoint(splits)]


def _splits_of(example, row: int, path: str | Path) -> set[str]:
    named = {name for name in ('train', 'test') if _flag(example, f'is{name}', row, path)}
    return named or {'extra'}


def _h5_people(path: str | Path) -> list[Person]:
    joints = len(_COLUMNS)
    images, data = read_people(path, dict(center=(2,), scale=(), part=(joints, 2),
                                            visible=(joints,), normalize=()))
    part = data['part']
    labelled = (data['visible'] > 0)[..., None]
    return [Person(image=image, center_image=data['center'][row],
                   side_image=_PX_PER_SCALE * float(data['scale'][row]),
                   keypoints_image=np.where(labelled[row], part[row], np.nan),
                   occluded=np.zeros(len(_COLUMNS), bool), pck_unit=float(data['normalize'][row]),
                   row=row)
            for row, image in enumerate(images)]


def _flag(example, name: str, row: int, path: str | Path) -> bool:
    value = np.asarray(getattr(example, name)).ravel()
    if value.size != 1 or value[0] not in (0, 1):
        raise DataError(f'{path}, row {row} ({example.filepath}): {name} is {value.tolist()}, '
                        '0 or 1 needed')
    return bool(value[0])


def _person(example, labels: str, row: int, path: str | Path) -> Person:
    where = f'{path}, row {row} ({example.filepath})'
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
    torso = np.linalg.norm(keypoints_image[_R_SHOULDER] - keypoints_image[_L_HIP])
    if labels == 'observer' and (keypoints_image[_R_SHOULDER, 0]
                                 > keypoints_image[_L_SHOULDER, 0]):
        keypoints_image = keypoints_image[_MIRROR]
    height = frame[0]
    return Person(
        image=str(example.filepath),
        center_image=np.array([torso_box[[0, 2]].mean(), _CROP_ROW * height - 0.5]),
        side_image=_CROP_SIDE * height,
        keypoints_image=keypoints_image,
        occluded=np.zeros(len(_COLUMNS), bool),         # FLIC does not tell
        pck_unit=torso,                                 # from the person-centric labels
        row=row)


@DATASETS.register_module()
class FlicDataset(PersonDataset):
    """FLIC from ``examples.mat`` or the authors' h5 files, and the frames.

    Args:
        split, labels: which people and which left and right; see :func:`read_flic`.
        kwargs: as for :class:`PersonDataset`.
    """

    METAINFO = skeletons.FLIC

    def __init__(self, split: str | Sequence[str] | None = None, labels: str | None = None,
                 ann_file: str = 'examples.mat', data_prefix: dict = dict(img='images'), **kwargs):
        self.split, self.labels = split, labels
        super().__init__(ann_file=ann_file, data_prefix=data_prefix, **kwargs)

    def read_people(self) -> list[Person]:
        return read_flic(self.ann_file, self.split, self.labels)
