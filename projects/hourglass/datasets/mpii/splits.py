"""From MPII's release to the annotation files of its splits, in the form of HRNet and mmpose.

The validation people are Tompson et al.'s 2,958, listed in a file. Other people on the same images
belong to no split, so that training and validation share no image. Without them, and without people
who have no joints, the published 22,246 training people are left of 28,883 annotated ones.
"""
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray
from scipy.io import savemat

from hourglass.datasets.mpii.files import (
    holds_both_splits,
    match_poses,
    read_head_box_file,
    read_mpii,
)
from hourglass.datasets.mpii.release import Release, ReleasePerson
from hourglass.errors import DataError
from hourglass.io.files import replacing

# How many people the splits have in every publication, and how many of the test people the
# official score counts.
_PUBLISHED = dict(train=22246, val=2958, trainval=25204, test=11731)
_PUBLISHED_SINGLE_PERSON = 7247

# The names of the joints in mpii_gt_val.mat.
_JOINT_CODES = 'rank rkne rhip lhip lkne lank pelv thor neck head rwri relb rsho lsho lelb lwri'


@dataclass(frozen=True)
class Splits:
    """MPII's people by split.

    Attributes:
        people: ``train``, ``val``, ``trainval`` and ``test``; val in the order of its list, train
            and test in that of the release, trainval is train and then val.
        left_out: how many people are in no split, by reason.
    """

    people: dict[str, list[ReleasePerson]]
    left_out: dict[str, int]

    def summary(self) -> str:
        """Return lines of text: the counts beside the published ones, and who was left out."""
        single_person = sum(person.single_person for person in self.people['test'])
        return '\n'.join((
            *(_count_line(split, len(people), _PUBLISHED[split])
              for split, people in self.people.items()),
            _count_line('test, single person', single_person, _PUBLISHED_SINGLE_PERSON),
            'in no split:',
            *(f'{count:>8,} {reason}' for reason, count in sorted(self.left_out.items()))))


def _count_line(name: str, count: int, published: int) -> str:
    difference = '' if count == published else f'   differs by {count - published:+,}'
    return f'{name:<22}{count:>8,}   published {published:>7,}{difference}'


def split_people(release: Release, val_file: str | Path) -> Splits:
    """Divide the people of the release.

    Args:
        val_file: list of the validation people: the authors' ``valid.h5`` or
            ``mpii_annotations.json(.gz)``, which name image and person; or ``mpii_gt_val.mat`` or
            HRNet's ``mpii_val.json``, matched by their joints. Their order is kept.

    Raises:
        DataError: for a validation person who is not in the release, is listed twice, or has no
            joints in the release.
    """
    val = _validation_people(release, val_file)
    places, images = {person.place for person in val}, {person.place[0] for person in val}
    train, test, left_out = [], [], Counter[str]()
    for (image, _), lacking in release.without_crop.items():
        kind = 'training' if release.training[image] else 'test'
        left_out[f'on {kind} images, without {lacking}'] += 1
    for person in release.people:
        if not person.training:
            test.append(person)
        elif not person.annotated.any():
            left_out['on training images, without joints'] += 1
        elif person.place[0] not in images:
            train.append(person)
        elif person.place not in places:
            left_out['on validation images, not among the validation people'] += 1
    return Splits(dict(train=train, val=val, trainval=train + val, test=test), dict(left_out))


def _validation_people(release: Release, val_file: str | Path) -> list[ReleasePerson]:
    if str(val_file).endswith('.mat'):
        found = _find_by_joints(release, read_head_box_file(val_file)[0], val_file)
    else:
        found = _find_listed(release, val_file)
    seen = set()
    for person in found:
        where = f'{val_file}: {_matlab_place(person.place)} ({person.image_name})'
        if not person.training or not person.annotated.any():
            raise DataError(f'{where} is not on a training image of {release.path} or has no '
                            'joints there, so cannot validate; the two files do not belong '
                            'together')
        if person.place in seen:
            raise DataError(f'{where} is listed twice; list each person once')
        seen.add(person.place)
    return found


def _find_listed(release: Release, val_file: str | Path) -> list[ReleasePerson]:
    listed = read_mpii(val_file, 'val' if holds_both_splits(val_file) else None)
    people = {person.place: person for person in release.people}
    found = []
    for person in listed:
        if person.place is None:
            return _find_by_joints(release, (p.keypoints_image + 1 for p in listed), val_file)
        match = people.get(person.place)
        if match is None or match.image_name != person.image_name:
            raise DataError(
                f'{val_file}, row {person.row} ({person.image_name}): {release.path} has no such '
                f'person with objpos and scale at {_matlab_place(person.place)}; the two files do '
                'not belong together')
        found.append(match)
    return found


def _matlab_place(place: tuple[int, int]) -> str:
    return f'annolist({place[0] + 1}).annorect({place[1] + 1})'


def _find_by_joints(release: Release, poses: Iterable[ndarray], val_file: str | Path
                    ) -> list[ReleasePerson]:
    """Find the people with these joints, each (16, 2), 1-based, NaN where not annotated."""
    people = [person for person in release.people if person.training]
    found = match_poses(poses, (person.joints for person in people))
    for row, matches in enumerate(found):
        if len(matches) != 1:
            raise DataError(f'{val_file}, row {row}: {len(matches)} people in {release.path} have '
                            "these joints; give a list that names them, such as the authors' "
                            'valid.h5')
    return [people[row] for row, in found]


def write_splits(splits: Splits, folder: Path) -> list[Path]:
    """Write ``mpii_{train,val,trainval,test}.json`` and ``mpii_gt_val.mat``; return their paths.

    Raises:
        DataError: if they cannot be written, or a validation person has no head box.
    """
    boxes = _head_box_file(splits.people['val'])
    written = []
    for split, people in splits.people.items():
        written.append(folder / f'mpii_{split}.json')
        with replacing(written[-1]) as draft:
            draft.write_text(json.dumps([_record(person) for person in people]), encoding='utf-8')
    written.append(folder / 'mpii_gt_val.mat')
    with replacing(written[-1]) as draft:
        savemat(draft, boxes, appendmat=False, do_compression=True)
    return written


def _record(person: ReleasePerson) -> dict:
    """Return a person as HRNet and mmpose read them, 1-based, with more for :func:`read_mpii`."""
    annotated = person.annotated
    record = dict(
        image=person.image_name, center=person.center.tolist(), scale=person.scale,
        joints=np.where(annotated[:, None], person.joints, -1.0).tolist(),
        joints_vis=annotated.astype(int).tolist(),
        joints_occluded=person.occluded.astype(int).tolist(),
        annolist_index=person.place[0] + 1, people_index=person.place[1] + 1,
        single_person=person.single_person)
    return record if person.head_box is None else record | dict(head_box=person.head_box.tolist())


def _head_box_file(people: list[ReleasePerson]) -> dict[str, ndarray]:
    """Return the arrays of ``mpii_gt_val.mat`` for P people, by which mmpose scores predictions."""
    for row, person in enumerate(people):
        if person.head_box is None:
            raise DataError(f'mpii_val.json, row {row} ({person.image_name}): the release gives no '
                            'head box, so the person cannot be scored; fetch the release again')
    joints = np.array([person.joints for person in people]).reshape(-1, 16, 2)
    boxes = np.array([person.head_box for person in people]).reshape(-1, 2, 2)
    missing = np.isnan(joints).any(-1)                                                  # (P, 16)
    return dict(
        headboxes_src=boxes.transpose(1, 2, 0),                                         # (2, 2, P)
        pos_gt_src=np.where(missing[..., None], 0, joints).transpose(1, 2, 0),          # (16, 2, P)
        jnt_missing=missing.T.astype(np.uint8),                                         # (16, P)
        dataset_joints=np.array([_JOINT_CODES.split()], dtype=object))
