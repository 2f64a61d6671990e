"""FLIC, Frames Labeled In Cinema: 5,003 people seen from the hips up (Sapp & Taskar, CVPR 2013)."""
from pathlib import Path

import numpy as np

from hourglass.datasets import skeletons
from hourglass.datasets.matfile import read_mat
from hourglass.datasets.person import Person, PersonDataset
from hourglass.errors import ConfigError, DataError
from hourglass.registry import DATASETS

# columns of examples.mat's coords in the order of skeletons.FLIC (the authors' order)
_COLUMNS = (0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16)
_MIRROR = np.array([3, 4, 5, 0, 1, 2, 7, 6, 9, 8, 10])
_L_SHOULDER, _R_SHOULDER, _L_HIP = 0, 3, 6

# The authors' crop: 440 px of the 720x480 frame around row 240. As proportions of the height,
# for frames of any size; rows are 0-based cell centres, so row 240 of 480 has 240.5 above it.
_CROP_SIDE, _CROP_ROW = 440 / 480, 240.5 / 480


def read_flic(path: str | Path, split: str = 'train', labels: str = 'observer') -> list[Person]:
    """The people of ``examples.mat``.

    Args:
        path: the file; its coordinates are 0-based (the authors' h5 files hold the same numbers).
        split: ``'train'`` (3,987 people) or ``'test'`` (1,016).
        labels: ``'observer'`` swaps left and right of people seen from behind, whose right
            shoulder is right of the left one in the picture, as the paper does; ``'person'``
            leaves them.

    Raises:
        DataError: if the file is no FLIC annotation.
    """
    examples = read_mat(path, 'examples', fields=('coords', 'filepath', 'imgdims', 'torsobox',
                                                  'istrain', 'istest'))
    flag = {'train': 'istrain', 'test': 'istest'}[split]
    return [_person(example, labels, row, path) for row, example in enumerate(examples)
            if _flag(example, flag, row, path)]


def _flag(example, name: str, row: int, path: str | Path) -> bool:
    value = np.asarray(getattr(example, name)).ravel()
    if value.size != 1:
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
        picture=str(example.filepath),
        center_image=np.array([torso_box[[0, 2]].mean(), _CROP_ROW * height - 0.5]),
        side_image=_CROP_SIDE * height,
        keypoints_image=keypoints_image,
        occluded=np.zeros(len(_COLUMNS), bool),         # FLIC does not tell
        pck_unit=torso,                                 # from the person-centric labels
        row=row)


@DATASETS.register_module()
class FlicDataset(PersonDataset):
    """FLIC from ``examples.mat`` and the frames, in the published structure.

    Args:
        split: ``'train'`` or ``'test'``.
        labels: ``'observer'`` (the paper's) or ``'person'``; see :func:`read_flic`.
        kwargs: as for :class:`PersonDataset`.
    """

    METAINFO = skeletons.FLIC

    def __init__(self, split: str, labels: str = 'observer', ann_file: str = 'examples.mat',
                 data_prefix: dict = dict(img='images'), **kwargs):
        for name, value, choices in (('split', split, ('train', 'test')),
                                     ('labels', labels, ('observer', 'person'))):
            if value not in choices:
                raise ConfigError(f'FlicDataset: {name}={value!r}, choose from {choices}')
        self.split, self.labels = split, labels
        super().__init__(ann_file=ann_file, data_prefix=data_prefix, **kwargs)

    def read_people(self) -> list[Person]:
        return read_flic(self.ann_file, self.split, self.labels)
