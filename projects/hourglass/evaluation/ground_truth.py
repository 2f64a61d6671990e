"""Ground truth to score prediction files against, from every published annotation file."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.datasets import skeletons
from hourglass.datasets.base import Person, joint_problem
from hourglass.datasets.flic import read_flic
from hourglass.datasets.lsp import read_lsp, with_mpii_joints
from hourglass.datasets.mpii.files import (
    H5_TRUTH,
    holds_both_splits,
    mpii_h5_truth,
    read_head_box_file,
    read_mpii,
)
from hourglass.errors import ConfigError, DataError
from hourglass.io.h5 import people_arrays

_Arrays = tuple[ndarray, ndarray, ndarray]


@dataclass
class Truth:
    """The annotation that P people are scored by.

    ``truth[people]``, with a slice, gives joints (n, K, 2) in image px, 0-based, NaN where not
    annotated; PCK units (n,) in px; and occluded (n, K) bool.

    Attributes:
        path: the annotation file.
        names: of the K joints.
        rows: of the people in the file.
        usual_base: 0 or 1, the base of coordinates in the data set's own files.
        advice: what to do about a person without a PCK unit.
        about: split and labels, for people; empty where the file has one of each.
        read: reads a slice of the people.
    """

    path: Path
    names: Sequence[str]
    rows: Sequence[int]
    usual_base: int
    advice: str
    about: str
    read: Callable[[slice], _Arrays]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, people: slice) -> _Arrays:
        return self.read(people)


def read_truth(dataset: str, path: str | Path, split: str | None = None,
               head_box_file: str | Path | None = None, labels: str | None = None,
               skeleton: str | None = None) -> Truth:
    """Read the ground truth of a data set.

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
    no_torso, about = 'its right shoulder or left hip is not labelled', split or 'test'
    if dataset == 'lsp':
        people, metainfo = read_lsp(path, about), skeletons.LSP
        if skeleton == 'mpii':
            people, metainfo = [with_mpii_joints(p) for p in people], skeletons.MPII
        return _of_people(people, metainfo, path=path, usual_base=1, about=about,
                          advice=f'{no_torso}, take --protocol person')
    is_h5 = path.suffix == '.h5'
    return _of_people(
        read_flic(path, split if is_h5 else about, labels), skeletons.FLIC, path=path, usual_base=0,
        advice=no_torso, about='' if is_h5 else f"{about}, {labels or 'observer'}-centric")


def _mpii(path: Path, split: str | None, head_box_file: str | Path | None) -> Truth:
    names, advice = skeletons.joint_names(skeletons.MPII), 'fetch the file again'
    if path.suffix not in ('.h5', '.mat'):
        if split is None and holds_both_splits(path):
            split = 'val'
        return _of_people(
            read_mpii(path, split, head_box_file), skeletons.MPII, path=path, usual_base=1,
            advice=advice if head_box_file else 'give --head-boxes mpii_gt_val.mat',
            about=split or '')
    for option, value in (('--split', split), ('--head-boxes', head_box_file)):
        if value is not None:
            raise ConfigError(f'{option}: {path} holds one split with its head boxes; leave it out')
    if path.suffix == '.mat':
        joints, units = read_head_box_file(path)                            # 1-based -> 0-based
        read = _slices(joints - 1, units, np.zeros(joints.shape[:2], bool))
        return Truth(path, names, range(len(joints)), 1, advice, '', read)
    arrays = people_arrays(path, H5_TRUTH)
    if not len(arrays['part']):
        raise DataError(f'{path}: no people in this file; fetch it again')
    return Truth(
        path, names, range(len(arrays['part'])), 1, advice, '', lambda people: mpii_h5_truth(
            {name: array[people] for name, array in arrays.items()}, path, people.start or 0))


def _of_people(people: Sequence[Person], metainfo: dict, path: Path, **fields: Any) -> Truth:
    names = skeletons.joint_names(metainfo)
    if not people:
        raise DataError(f'{path}: no people in this split')
    for person in people:
        problem = joint_problem(person, len(names))
        if problem:
            raise DataError(f'{path}, row {person.row} ({person.image_name}): {problem}')
    return Truth(path, names, [person.row for person in people], **fields, read=_slices(
        np.stack([person.keypoints_image for person in people]),
        np.array([person.pck_unit for person in people]),
        np.stack([person.occluded for person in people])))


def _slices(joints: ndarray, units: ndarray, occluded: ndarray) -> Callable[[slice], _Arrays]:
    return lambda people: (joints[people], units[people], occluded[people])
