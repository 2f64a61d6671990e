"""Ground truth to score prediction files against, out of every published annotation file."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy import ndarray

from hourglass.datasets import skeletons
from hourglass.datasets.flic import read_flic
from hourglass.datasets.h5file import open_h5
from hourglass.datasets.lsp import read_lsp
from hourglass.datasets.mpii_files import (
    holds_both_splits,
    mpii_h5_truth,
    read_head_box_file,
    read_mpii,
)
from hourglass.datasets.person import Person
from hourglass.errors import ConfigError, DataError


@dataclass
class Truth:
    """What P people are scored by.

    Attributes:
        path: the annotation file.
        names: of the K joints.
        rows: of the people in the file.
    """

    path: Path
    names: Sequence[str]
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, people: slice) -> tuple[ndarray, ndarray, ndarray]:
        """Joints (n, K, 2) in image px, 0-based, NaN where not annotated; PCK units (n,) in px;
        occluded (n, K) bool."""
        raise NotImplementedError


@dataclass
class _InMemory(Truth):
    arrays: tuple[ndarray, ndarray, ndarray]

    def __getitem__(self, people: slice) -> tuple[ndarray, ndarray, ndarray]:
        return tuple(array[people] for array in self.arrays)


@dataclass
class _MpiiH5(Truth):
    """Read piece by piece."""

    file: h5py.File

    def __getitem__(self, people: slice) -> tuple[ndarray, ndarray, ndarray]:
        return mpii_h5_truth({name: self.file[name][people]
                              for name in ('part', 'normalize', 'visible')}, self.path)


def read_truth(dataset: str, path: str | Path, split: str | None = None,
               head_box_file: str | Path | None = None, labels: str | None = None) -> Truth:
    """The ground truth of a data set.

    Args:
        dataset: ``'mpii'``, ``'flic'`` or ``'lsp'``.
        path: for MPII any form of :mod:`hourglass.datasets.mpii_files`, or ``mpii_gt_val.mat``;
            for FLIC ``examples.mat`` or an h5 file of the authors; for LSP ``joints.mat``.
        split: of a file that holds several; the one to test on by default.
        head_box_file: ``mpii_gt_val.mat``, where a JSON of MPII has no head boxes.
        labels: FLIC's, ``'observer'`` (default) or ``'person'``.

    Raises:
        DataError: for a file that cannot be read or has no size to measure a person by.
        ConfigError: for an option that the data set does not have.
    """
    path = Path(path)
    for option, value, owner in (('head boxes', head_box_file, 'mpii'), ('labels', labels, 'flic')):
        if value is not None and dataset != owner:
            raise ConfigError(f'{dataset}: {option} are for {owner}')
    if not path.is_file():
        raise DataError(f'{path}: no such annotation file')
    if dataset == 'mpii':
        names = skeletons.joint_names(skeletons.MPII)
        if path.suffix == '.h5' and split is None:
            file = open_h5(path)
            absent = [name for name in ('part', 'normalize', 'visible') if name not in file]
            if absent:
                raise DataError(f"{path}: holds no '{absent[0]}', so it is no MPII annotation")
            return _MpiiH5(path, names, range(len(file['part'])), file)
        if path.suffix == '.mat':
            joints, units = read_head_box_file(path)
            return _InMemory(path, names, range(len(joints)), (
                joints - 1, units, np.zeros(joints.shape[:2], bool)))       # 1-based -> 0-based
        if split is None and holds_both_splits(path):
            split = 'val'
        return _of_people(read_mpii(path, split, head_box_file), names, path)
    if dataset == 'flic':
        if split is None and path.suffix != '.h5':
            split = 'test'
        return _of_people(read_flic(path, split, labels), skeletons.joint_names(skeletons.FLIC),
                          path)
    return _of_people(read_lsp(path, split or 'test'), skeletons.joint_names(skeletons.LSP), path)


def _of_people(people: Sequence[Person], names: Sequence[str], path: Path) -> Truth:
    if not people:
        raise DataError(f'{path}: no people in this split')
    shapes = {person.keypoints_image.shape for person in people}
    if shapes != {(len(names), 2)}:
        raise DataError(f'{path}: joints of shapes {sorted(shapes)}, ({len(names)}, 2) needed')
    return _InMemory(path, names, [person.row for person in people], (
        np.stack([person.keypoints_image for person in people]),
        np.array([person.pck_unit for person in people]),
        np.stack([person.occluded for person in people])))
