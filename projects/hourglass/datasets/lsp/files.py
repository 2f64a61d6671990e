"""The people of LSP's and LSP Extended's ``joints.mat``."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.datasets.person import PADDING, Person
from hourglass.errors import ConfigError, DataError
from hourglass.io.mat import read_mat

SPLITS = ('train', 'test')
_ROWS = dict(train=range(1000), test=range(1000, 2000))     # of LSP; LSP Extended is all training
_NUM_JOINTS = 14


def read_lsp(path: str | Path, split: str) -> list[Person]:
    """Read the people of ``joints.mat`` of LSP or of LSP Extended; coordinates there are 1-based.

    In LSP, (3, 14, 2000), all joints are labelled, and their third number is 1 where they are
    hidden. In LSP Extended, (14, 3, 10000), all for training, it is 1 where they are labelled. The
    crop is a square around the joints. Raises ``DataError`` if the file is not an LSP annotation,
    and ``ConfigError`` for a split that it does not have.
    """
    if split not in SPLITS:
        raise ConfigError(f'{path}: split={split!r}, choose from {SPLITS}')
    joints, extended = _read_joints(path)
    if extended and split == 'test':
        raise ConfigError(f"{path}: LSP Extended has no test people; use LSP's joints.mat")
    poses = joints.transpose((2, 0, 1) if extended else (2, 1, 0)).astype(float)    # (P, 14, 3)
    rows = range(len(poses)) if extended else _ROWS[split]
    return [_person(poses[row], extended, row, path) for row in rows]


def splits_of(path: str | Path) -> tuple[str, ...]:
    """Return the splits that a ``joints.mat`` holds: both, or ``'train'`` alone (LSP Extended)."""
    return SPLITS[:1] if _read_joints(path)[1] else SPLITS


def _read_joints(path: str | Path) -> tuple[ndarray, bool]:
    """Return the array of a ``joints.mat``, and whether it is LSP Extended's."""
    joints = read_mat(path, 'joints')
    if joints.dtype.kind not in 'fiu':
        raise DataError(f'{path}: joints hold {joints.dtype}, numbers needed')
    extended = joints.ndim == 3 and joints.shape[:2] == (_NUM_JOINTS, 3)
    if not extended and joints.shape != (3, _NUM_JOINTS, 2000):
        raise DataError(f'{path}: joints of shape {joints.shape}; (3, 14, 2000) is LSP, (14, 3, N) '
                        'is LSP Extended')
    return joints, extended


def _person(pose: ndarray, extended: bool, row: int, path: str | Path) -> Person:
    flag, where = pose[:, 2], f'{path}, row {row}'
    if not np.isin(flag, (0, 1)).all():
        raise DataError(f'{where}: flags {flag.tolist()}, 0 or 1 needed')
    labelled = flag == 1 if extended else np.ones(_NUM_JOINTS, bool)
    if labelled.sum() < 2:
        raise DataError(f'{where}: {labelled.sum()} labelled joints, two needed to crop the person')
    if not np.isfinite(pose[labelled, :2]).all():
        raise DataError(f'{where}: a labelled joint is not a number; fetch the file again')
    keypoints_image = np.where(labelled[:, None], pose[:, :2] - 1, np.nan)      # 1-based -> 0-based
    low, high = np.nanmin(keypoints_image, axis=0), np.nanmax(keypoints_image, axis=0)
    return Person(
        image_name=f'im{row + 1:05d}.jpg' if extended else f'im{row + 1:04d}.jpg',
        center_image=(low + high) / 2, side_image=PADDING * float((high - low).max()),
        keypoints_image=keypoints_image,
        occluded=np.zeros(_NUM_JOINTS, bool) if extended else flag == 1, row=row)
