"""Ground truth to score prediction files against, out of every published annotation file."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.datasets import skeletons
from hourglass.datasets.base import Person, joint_problem
from hourglass.datasets.flic import read_flic
from hourglass.datasets.h5_people import people_arrays
from hourglass.datasets.lsp import read_lsp, with_mpii_joints
from hourglass.datasets.mpii.files import (
    H5_TRUTH,
    holds_both_splits,
    mpii_h5_truth,
    read_head_box_file,
    read_mpii,
)
from hourglass.errors import ConfigError, DataError
from hourglass.io.h5 import H5Array


@dataclass
class Truth:
    """What P people are scored by.

    Attributes:
        path: the annotation file.
        names: of the K joints.
        rows: of the people in the file.
        needs: what to do about a person without a size to measure by.
        about: which split and labels these are, for people; empty where the file has one of each.
    """

    path: Path
    names: Sequence[str]
    rows: Sequence[int]
    needs: str
    about: str

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

    arrays: dict[str, H5Array]

    def __getitem__(self, people: slice) -> tuple[ndarray, ndarray, ndarray]:
        return mpii_h5_truth({name: array[people] for name, array in self.arrays.items()},
                             self.path, people.start or 0)


def read_truth(dataset: str, path: str | Path, split: str | None = None,
               head_box_file: str | Path | None = None, labels: str | None = None,
               skeleton: str | None = None) -> Truth:
    """The ground truth of a data set.

    Args:
        dataset: ``'mpii'``, ``'flic'`` or ``'lsp'``.
        path: for MPII any form of :mod:`hourglass.datasets.mpii.files`, or ``mpii_gt_val.mat``;
            for FLIC ``examples.mat`` or an h5 file of the authors; for LSP ``joints.mat``.
        split: of a file that holds several; the one to test on by default.
        head_box_file: ``mpii_gt_val.mat``, where a JSON of MPII has no head boxes.
        labels: FLIC's, ``'observer'`` (default) or ``'person'``.
        skeleton: LSP's, ``'lsp'`` (default) or ``'mpii'``, for predictions of MPII's 16 joints.

    Raises:
        DataError: for a file that cannot be read.
        ConfigError: for an option that the data set or the file does not have.
    """
    path = Path(path)
    for option, value, owner in (('--head-boxes', head_box_file, 'mpii'),
                                 ('--labels', labels, 'flic'), ('--skeleton', skeleton, 'lsp')):
        if value is not None and dataset != owner:
            raise ConfigError(f'{option}: {dataset} has no such choice, {owner} has')
    if not path.is_file():
        raise DataError(f'{path}: no such annotation file')
    if dataset == 'mpii':
        return _mpii(path, split, head_box_file)
    needs = 'its right shoulder or left hip is not labelled'
    if dataset == 'lsp':
        people = read_lsp(path, split or 'test')
        if skeleton == 'mpii':
            people = [with_mpii_joints(person) for person in people]
        return _of_people(people, skeletons.MPII if skeleton == 'mpii' else skeletons.LSP, path,
                          f'{needs}, take --protocol person', split or 'test')
    if path.suffix == '.h5':
        return _of_people(read_flic(path, split, labels), skeletons.FLIC, path, needs, '')
    split, labels = split or 'test', labels or 'observer'
    return _of_people(read_flic(path, split, labels), skeletons.FLIC, path, needs,
                      f'{split}, {labels}-centric')


def _mpii(path: Path, split: str | None, head_box_file: str | Path | None) -> Truth:
    names = skeletons.joint_names(skeletons.MPII)
    needs = 'fetch the file again'
    if path.suffix in ('.h5', '.mat'):
        for option, value in (('--split', split), ('--head-boxes', head_box_file)):
            if value is not None:
                raise ConfigError(f'{option}: {path} holds one split with its head boxes; leave it '
                                  'out')
    if path.suffix == '.h5':
        arrays = people_arrays(path, H5_TRUTH)
        if not len(arrays['part']):
            raise DataError(f'{path}: no people in this file; fetch it again')
        return _MpiiH5(path, names, range(len(arrays['part'])), needs, '', arrays)
    if path.suffix == '.mat':
        joints, units = read_head_box_file(path)
        return _InMemory(path, names, range(len(joints)), needs, '', (
            joints - 1, units, np.zeros(joints.shape[:2], bool)))           # 1-based -> 0-based
    if split is None and holds_both_splits(path):
        split = 'val'
    return _of_people(read_mpii(path, split, head_box_file), skeletons.MPII, path,
                      'give --head-boxes mpii_gt_val.mat' if head_box_file is None else needs,
                      split or '')


def _of_people(people: Sequence[Person], skeleton: dict, path: Path, needs: str, about: str
               ) -> Truth:
    names = skeletons.joint_names(skeleton)
    if not people:
        raise DataError(f'{path}: no people in this split')
    for person in people:
        problem = joint_problem(person, len(names))
        if problem:
            raise DataError(f'{path}, row {person.row} ({person.image}): {problem}')
    return _InMemory(path, names, [person.row for person in people], needs, about, (
        np.stack([person.keypoints_image for person in people]),
        np.array([person.pck_unit for person in people]),
        np.stack([person.occluded for person in people])))
