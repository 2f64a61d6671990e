"""From MPII's release to the annotation files of its splits, in the form of HRNet and mmpose.

The validation people are Tompson et al.'s 2,958, listed in a file. Other people on the same images
belong to no split, so that training and validation share no image. Without them, and without people
who have no joints, the published 22,246 training people are left of 28,883 annotated ones.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray
from scipy.io import savemat

from hourglass.datasets.mpii import files
from hourglass.datasets.mpii.release import Release, ReleasePerson
from hourglass.errors import DataError
from hourglass.io.files import replacing, write_json

# How many people the splits have in every publication.
_PUBLISHED = {'train': 22246, 'val': 2958, 'trainval': 25204, 'test': 11731,
              'test, single person': 7247}

# The names of the joints in mpii_gt_val.mat.
_JOINT_CODES = 'rank rkne rhip lhip lkne lank pelv thor neck head rwri relb rsho lsho lelb lwri'


@dataclass(frozen=True)
class Splits:
    """MPII's people by split: ``train``, ``val``, ``trainval`` (train, then val) and ``test``.

    ``val`` is in the order of its list, ``train`` and ``test`` in that of the release.
    """

    people: dict[str, list[ReleasePerson]]
    left_out: dict[str, int]            # how many people are in no split, by reason

    def summary(self) -> str:
        """Return lines of text: the counts beside the published ones, and who was left out."""
        counts = {split: len(people) for split, people in self.people.items()}
        counts['test, single person'] = sum(person.single_person for person in self.people['test'])
        lines = []
        for name, count in counts.items():
            more = count - _PUBLISHED[name]
            lines.append(f'{name:<22}{count:>8,}   published {_PUBLISHED[name]:>7,}'
                         + (f'   differs by {more:+,}' if more else ''))
        return '\n'.join((*lines, 'in no split:', *(
            f'{count:>8,} {reason}' for reason, count in sorted(self.left_out.items()))))


def split_people(release: Release, val_file: str | Path) -> Splits:
    """Divide the people of the release.

    ``val_file`` lists the validation people, whose order is kept: the authors' ``valid.h5`` or
    ``mpii_annotations.json(.gz)``, which name image and person; or ``mpii_gt_val.mat`` or HRNet's
    ``mpii_val.json``, matched by their joints. Raises ``DataError`` for a validation person who is
    listed twice or has no joints in the release.
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
    people = [person for person in release.people if person.training and person.annotated.any()]
    if str(val_file).endswith('.mat'):
        found = _find_by_joints(people, files.read_head_box_file(val_file)[0], release, val_file)
    else:
        found = _find_listed(people, release, val_file)
    for (image, number), count in Counter(person.place for person in found).most_common(1):
        if count > 1:
            where = f'{_matlab_place(image, number)} ({release.image_names[image]})'
            raise DataError(f'{val_file}: {where} is listed twice; list each person once')
    return found


def _find_listed(people: list[ReleasePerson], release: Release, val_file: str | Path
                 ) -> list[ReleasePerson]:
    listed = files.read_mpii(val_file, 'val' if files.holds_both_splits(val_file) else None)
    known = {person.place: person for person in people}
    found = []
    for person in listed:
        if person.place is None:
            poses = (person.keypoints_image + 1 for person in listed)           # 1-based
            return _find_by_joints(people, poses, release, val_file)
        match = known.get(person.place)
        if match is None or match.image_name != person.image_name:
            raise DataError(
                f'{val_file}, row {person.row} ({person.image_name}): {release.path} has no such '
                f'training person with objpos, scale and joints at {_matlab_place(*person.place)}; '
                'the two files do not belong together')
        found.append(match)
    return found


def _matlab_place(image: int, number: int) -> str:
    return f'annolist({image + 1}).annorect({number + 1})'


def _find_by_joints(people: list[ReleasePerson], poses: Iterable[ndarray], release: Release,
                    val_file: str | Path) -> list[ReleasePerson]:
    """Find the people with these joints, each (16, 2), 1-based, NaN where not annotated."""
    found = files.match_poses(poses, (person.joints for person in people))
    for row, matches in enumerate(found):
        if len(matches) != 1:
            raise DataError(f'{val_file}, row {row}: {len(matches)} people in {release.path} have '
                            "these joints; give a list that names them, such as the authors' "
                            'valid.h5')
    return [people[row] for row, in found]


def write_splits(splits: Splits, folder: Path) -> list[Path]:
    """Write ``mpii_{train,val,trainval,test}.json`` and ``mpii_gt_val.mat``; return their paths.

    A validation person without a head box raises ``DataError``.
    """
    boxes = _head_box_file(splits.people['val'])
    written = []
    for split, people in splits.people.items():
        written.append(folder / f'mpii_{split}.json')
        write_json(written[-1], [_record(person) for person in people])
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
