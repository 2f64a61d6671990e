"""Ground truth to score prediction files against, from every published annotation file."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.datasets import skeletons
from hourglass.datasets.flic.files import read_flic
from hourglass.datasets.h5_people import names_of, people_arrays
from hourglass.datasets.lsp.files import read_lsp
from hourglass.datasets.mpii import files
from hourglass.datasets.person import Person, joint_problem, with_joints_of
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation.pck import People
from hourglass.io.h5 import open_h5


@dataclass
class Truth:
    """The annotation to score against; ``truth[slice]`` gives that of some people."""

    path: Path                          # the annotation file
    names: Sequence[str]                # of the K joints
    rows: Sequence[int]                 # of the people in the file
    images: Sequence[str] | Sequence[int]       # of the people; their rows where a file has none
    usual_base: int                     # 0 or 1, of coordinates in the data set's own files
    advice: str                         # for the error about a person without a PCK unit
    about: str                          # split and labels; empty where the file has one of each
    read: Callable[[slice], People]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, people: slice) -> People:
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
    if dataset == 'mpii':
        return _mpii(path, split, head_box_file)
    no_torso, about = 'a shoulder or hip of it is not labelled', split or 'test'
    if dataset == 'lsp':
        people, metainfo = read_lsp(path, about), skeletons.LSP
        if skeleton == 'mpii':
            people = [with_joints_of(skeletons.MPII, person, metainfo) for person in people]
            metainfo = skeletons.MPII
        return _of_people(people, metainfo, path, 1, f'{no_torso}, take --protocol person', about)
    if path.suffix == '.h5':
        people, about = read_flic(path, split, labels), ''
    else:
        people = read_flic(path, about, labels)
        about = f"{about}, {labels or 'observer'}-centric"
    return _of_people(people, skeletons.FLIC, path, 0, no_torso, about)


def _mpii(path: Path, split: str | None, head_box_file: str | Path | None) -> Truth:
    names, advice = skeletons.keypoint_names(skeletons.MPII), 'fetch the file again'
    if path.suffix not in ('.h5', '.mat'):
        if split is None and files.holds_both_splits(path):
            split = 'val'
        if not head_box_file:
            advice = 'give --head-boxes mpii_gt_val.mat'
        people = files.read_mpii(path, split, head_box_file)
        return _of_people(people, skeletons.MPII, path, 1, advice, split or '')
    for option, value in (('--split', split), ('--head-boxes', head_box_file)):
        if value is not None:
            raise ConfigError(f'{option}: {path} holds one split with its head boxes; leave it out')
    if path.suffix == '.mat':
        joints, units = files.read_head_box_file(path)                      # 1-based -> 0-based
        rows = range(len(joints))
        return Truth(path, names, rows, rows, 1, advice, '', _with_units(
            joints - 1, units, np.zeros(joints.shape[:2], bool)).__getitem__)
    arrays = people_arrays(path, files.H5_TRUTH)
    rows, image_names = range(len(arrays['part'])), open_h5(path).get('imgname')
    if not rows:
        raise DataError(f'{path}: no people in this file; fetch it again')
    images = rows if image_names is None else names_of(image_names[:], path)
    return Truth(path, names, rows, images, 1, advice, '', lambda people: _with_units(
        *files.mpii_h5_truth({name: array[people] for name, array in arrays.items()}, path,
                             people.start or 0)))


def _with_units(keypoints_image: ndarray, pck_unit: ndarray, occluded: ndarray) -> People:
    return People(keypoints_image, occluded, pck_unit, np.full((len(pck_unit), 4), np.nan),
                  np.zeros(len(pck_unit), bool))


def _of_people(people: Sequence[Person], metainfo: dict, path: Path, usual_base: int, advice: str,
               about: str) -> Truth:
    names = skeletons.keypoint_names(metainfo)
    if not people:
        raise DataError(f'{path}: no people in this split')
    for person in people:
        problem = joint_problem(person, len(names))
        if problem:
            raise DataError(f'{path}, row {person.row} ({person.image_name}): {problem}')
    return Truth(path, names, [person.row for person in people],
                 [person.image_name for person in people], usual_base, advice, about,
                 People.of([vars(person) for person in people]).__getitem__)
