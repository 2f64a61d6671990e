"""MPII's annotations in three published forms, all 1-based, which are read into the same persons.

HRNet's and mmpose's JSON does not mark occluded joints; ``mpii_annotations.json(.gz)`` does. Head
boxes for both are in ``mpii_gt_val.mat``. The authors' ``train/valid/test.h5`` hold everything, but
centre and scale are adjusted, and joints are whole pixels, so neck and head differ.
"""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.datasets.h5_people import read_people
from hourglass.datasets.person import PADDING, PX_PER_SCALE, Person
from hourglass.errors import ConfigError, DataError
from hourglass.io.files import open_json, read_json
from hourglass.io.mat import read_mat_as_stored

# MPII's centre and scale give a circle that is too high and too tight (Lua, pose-hg-train).
_CENTER_SHIFT = 15                      # px, times the scale
_HEAD_FACTOR = 0.6                      # PCKh's unit is 0.6 x the diagonal of the head box


def crop_square(center_image: ndarray, scale: float) -> tuple[ndarray, float]:
    """Return centre and side of the crop, in image px, for MPII's centre (image px) and scale."""
    center = center_image + np.array([0, _CENTER_SHIFT * scale])
    return center, PX_PER_SCALE * PADDING * scale


def head_unit(box: ndarray) -> float:
    """Return the PCKh unit of a head box x1, y1, x2, y2; NaN for a box without a finite size."""
    diagonal = np.hypot(box[2] - box[0], box[3] - box[1])
    return _HEAD_FACTOR * float(diagonal) if 0 < diagonal < np.inf else np.nan


SPLITS = ('train', 'val', 'trainval')
_BOTH_SPLITS = 'isValidation'           # the field of a file that holds train and val
# what the score needs of an h5 file: arrays, with the shape of a person's row in each
H5_TRUTH: dict[str, tuple[int, ...]] = dict(part=(16, 2), visible=(16,), normalize=())


def holds_both_splits(path: str | Path) -> bool:
    """Return whether a file is a ``mpii_annotations.json``, by its first record."""
    if str(path).endswith('.h5'):
        return False
    with open_json(path) as file:
        return _BOTH_SPLITS in file.read(4096)


def read_mpii(path: str | Path, split: str | None = None,
              head_box_file: str | Path | None = None) -> list[Person]:
    """Read the people of an MPII annotation file in any of the three forms.

    Raises ``DataError`` for a file that is not of these forms, naming file, row and field, and
    ``ConfigError`` for a split that the file does not distinguish.

    Args:
        split: ``'train'``, ``'val'`` or ``'trainval'`` of a ``mpii_annotations.json``, which holds
            both; None for the other forms, which have a file per split.
        head_box_file: ``mpii_gt_val.mat``, for a file without head boxes.
    """
    if split not in (None, *SPLITS):
        raise ConfigError(f'{path}: split={split!r}, choose from {SPLITS}')
    is_h5 = str(path).endswith('.h5')
    records = [] if is_h5 else _records(path)
    holds_both = bool(records) and _BOTH_SPLITS in records[0]
    if holds_both and split is None:
        raise ConfigError(f"{path}: holds both splits, choose split='train', 'val' or 'trainval'")
    if split and not holds_both:
        raise ConfigError(f'{path}: split={split!r}, but it holds one split; leave split out')
    people = _h5_people(path) if is_h5 else [
        _person(record, holds_both, row, path) for row, record in enumerate(records)
        if not holds_both or _is_in(split, record, row, path)]
    if head_box_file is not None:
        _add_head_units(people, head_box_file, path)
    return people


def _records(path: str | Path) -> list[dict]:
    content = read_json(path)
    records = content.get('people') if isinstance(content, dict) else content
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise DataError(f'{path}: a list of people needed, in the HRNet/mmpose form or that of '
                        'mpii_annotations.json')
    return records


def _is_in(split: str | None, record: dict, row: int, path: str | Path) -> bool:
    flag = record.get(_BOTH_SPLITS)
    if flag not in (0, 1):
        raise DataError(f'{path}, row {row}: {_BOTH_SPLITS} is {flag!r}, 0 or 1 needed')
    return split in ('trainval', 'val' if flag else 'train')


def _with_hrnet_names(record: dict) -> dict:
    """Rename the fields of a ``mpii_annotations.json`` record as HRNet's JSON names them."""
    joints = np.array(record['joint_self'], float).reshape(-1, 3)       # x, y, 1 where visible
    annotated = (joints != 0).any(-1)
    return record | dict(
        image=record['img_paths'], center=record['objpos'], scale=record['scale_provided'],
        joints=joints[:, :2], joints_vis=annotated, joints_occluded=annotated & (joints[:, 2] == 0))


def _person(record: dict, holds_both: bool, row: int, path: str | Path) -> Person:
    """Read a 1-based record of ``image, center, scale, joints, joints_vis``, in either JSON form.

    ``head_box`` (x1, y1, x2, y2), ``joints_occluded``, ``annolist_index``, ``people_index`` and
    ``single_person`` are optional.
    """
    try:
        record = _with_hrnet_names(record) if holds_both else record
        image, joints = record['image'], np.array(record['joints'], float).reshape(-1, 2)
        visible = np.array(record['joints_vis'], float).reshape(-1)
        if np.isnan(visible).any():
            raise ValueError('joints_vis is NaN')
        occluded = np.array(record.get('joints_occluded', [0] * len(joints)), bool)
        center, scale = np.array(record['center'], float).reshape(2), float(record['scale'])
        box = record.get('head_box')
        unit = np.nan if box is None else head_unit(np.array(box, float).reshape(4))
        place = None
        if 'annolist_index' in record and 'people_index' in record:
            place = int(record['annolist_index']) - 1, int(record['people_index']) - 1
    except KeyError as error:
        raise DataError(f'{path}, row {row}: field {error} is missing') from None
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f'{path}, row {row}: {error}; numbers needed for joints, centre, scale and '
                        'head box') from None
    if not isinstance(image, str) or not image or '\n' in image:
        raise DataError(f'{path}, row {row}: the image is {image!r}, a file name needed')
    where = f'{path}, row {row} ({image})'
    if not len(joints) == len(visible) == len(occluded):
        raise DataError(f'{where}: {len(joints)} joints, {len(visible)} joints_vis, '
                        f'{len(occluded)} joints_occluded; one of each needed for every joint')
    unknown = (visible > 0) & ~np.isfinite(joints).all(-1)
    if unknown.any():
        joint = int(unknown.argmax())
        raise DataError(f'{where}: joint {joint} is {joints[joint].tolist()} but marked as '
                        'annotated; mark it as not annotated')
    center_image, side_image = crop_square(center - 1, scale)           # 1-based -> 0-based
    return Person(image_name=image, center_image=center_image, side_image=side_image,
                  keypoints_image=np.where(visible[:, None] > 0, joints - 1, np.nan),
                  occluded=occluded, pck_unit=unit, row=row, place=place,
                  single_person=record.get('single_person'))


def _h5_people(path: str | Path) -> list[Person]:
    """Read the authors' ``train.h5``, ``valid.h5`` or ``test.h5``."""
    names, data = read_people(path, H5_TRUTH | dict(center=(2,), scale=(), index=(), person=()))
    places = np.stack([data['index'], data['person']], axis=-1)                 # (P, 2)
    unknown = ~np.isfinite(places).all(-1)
    if unknown.any():
        row = int(unknown.argmax())
        raise DataError(f'{path}, row {row} ({names[row]}): index and person are '
                        f'{places[row].tolist()}, whole numbers needed; fetch it again')
    keypoints, unit, occluded = mpii_h5_truth(data, path)
    return [Person(image_name=name, center_image=data['center'][row] - 1,       # 1-based -> 0-based
                   side_image=PX_PER_SCALE * float(data['scale'][row]), row=row,
                   keypoints_image=keypoints[row], occluded=occluded[row],
                   pck_unit=float(unit[row]), place=(int(places[row, 0]), int(places[row, 1])))
            for row, name in enumerate(names)]


def mpii_h5_truth(data: dict[str, ndarray], path: str | Path, first_row: int = 0
                  ) -> tuple[ndarray, ndarray, ndarray]:
    """Convert the arrays :data:`H5_TRUTH` of P people, of whom the first is in ``first_row``.

    Returns (P, K, 2) joints in image px, 0-based, NaN where not annotated; (P,) PCK units in px,
    NaN where there is none; (P, K) bool, occluded.
    """
    part = data['part']
    unknown = ~np.isfinite(part).all((1, 2))
    if unknown.any():
        raise DataError(f'{path}, row {first_row + unknown.argmax()}: a joint is not a number; '
                        'write 0, 0 for one that is not annotated')
    annotated = (part != 0).any(-1)
    unit = np.where(data['normalize'] > 0, data['normalize'], np.nan)
    return (np.where(annotated[..., None], part - 1.0, np.nan), unit,
            annotated & (data['visible'] == 0))


def read_head_box_file(path: str | Path) -> tuple[ndarray, ndarray]:
    """Read P people from ``mpii_gt_val.mat``, also named ``detections_our_format.mat``.

    Returns (P, 16, 2) joints, 1-based, NaN where not annotated, and (P,) PCK units, all in image
    px. Thirteen joints have 0 for a coordinate; they are scored as they are.
    """
    boxes, truth, missing = (read_mat_as_stored(path, name)
                             for name in ('headboxes_src', 'pos_gt_src', 'jnt_missing'))
    if truth.ndim != 3 or not (truth.shape[::2] == missing.shape == (16, boxes.shape[-1])
                               and boxes.shape[:2] == (2, 2)):
        raise DataError(f'{path}: pos_gt_src of shape {truth.shape}, jnt_missing {missing.shape}, '
                        f'headboxes_src {boxes.shape} do not describe the same people')
    joints = np.where(missing.T[..., None] > 0, np.nan, truth.transpose(2, 0, 1))
    infinite = np.isinf(joints).any((1, 2))
    if infinite.any():
        column = infinite.argmax()
        raise DataError(f'{path}, column {column}: a joint lies at infinity; fetch it again')
    return joints, np.array([head_unit(box.ravel()) for box in boxes.transpose(2, 0, 1)])


def _add_head_units(people: list[Person], head_box_file: str | Path, path: str | Path) -> None:
    """Give each person without a PCK unit that of the person with the same joints in the file."""
    joints, units = read_head_box_file(head_box_file)
    people = [person for person in people
              if person.pck_unit is not None and np.isnan(person.pck_unit)
              and not np.isnan(person.keypoints_image).any(-1).all()]
    matches = match_poses((person.keypoints_image + 1 for person in people), joints)     # 1-based
    for person, columns in zip(people, matches):
        where = f'{path}, row {person.row} ({person.image_name})'
        found = {units[column] for column in columns}
        if len(found) != 1:
            raise DataError(f'{where}: no person in {head_box_file} has these joints; the two '
                            'files do not belong together')
        person.pck_unit, = found
        if np.isnan(person.pck_unit):
            raise DataError(f'{head_box_file}: the head box of {where} has no size; fetch it again')


def match_poses(poses: Iterable[ndarray], known: Iterable[ndarray]) -> list[list[int]]:
    """Find, for each pose (K, 2), the rows of the known poses that share the most joints with it.

    They share more than half to the pixel, not all: some are damaged in the file of head boxes.
    """
    rows_with = defaultdict(list)       # (joint, x, y) -> rows that have the joint at this pixel
    for row, pose in enumerate(known):
        for spot in _spots(pose):
            rows_with[spot].append(row)
    found = []
    for pose in poses:
        spots = _spots(pose)
        votes = Counter(row for spot in spots for row in rows_with.get(spot, ()))
        best = max(votes.values(), default=0)
        found.append([row for row, count in votes.items() if count == best > len(spots) / 2])
    return found


def _spots(pose: ndarray) -> list[tuple[int, int, int]]:
    """Return (joint, x, y) of the annotated joints of a person, rounded to whole pixels."""
    return [(joint, round(x), round(y)) for joint, (x, y) in enumerate(pose.tolist())
            if x == x and y == y]
