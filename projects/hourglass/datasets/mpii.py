"""MPII Human Pose (Andriluka et al., CVPR 2014): 16 joints, PCKh by the size of the head."""
import json
from pathlib import Path

import numpy as np
from numpy import ndarray
from scipy.spatial import cKDTree

from hourglass.datasets import skeletons
from hourglass.datasets.matfile import read_mat
from hourglass.datasets.person import Person, PersonDataset
from hourglass.errors import DataError
from hourglass.registry import DATASETS

# What every hourglass does to MPII's centre and scale, once: the circle they describe sits too
# high and too tight around the person (Lua, pose-hg-train).
_CENTER_SHIFT, _SCALE_FACTOR = 15, 1.25
_PX_PER_SCALE = 200                     # MPII's scale is the person's height over 200 px
_HEAD_FACTOR = 0.6                      # PCKh's unit is 0.6 x the diagonal of the head box


def crop_square(center_image: ndarray, scale: float) -> tuple[ndarray, float]:
    """MPII's raw centre (image px) and scale -> middle and side of the crop in image px."""
    middle = center_image + np.array([0, _CENTER_SHIFT * scale])
    return middle, _PX_PER_SCALE * _SCALE_FACTOR * scale


def head_unit(box: ndarray) -> float:
    """The PCKh unit of a head box x1, y1, x2, y2."""
    return _HEAD_FACTOR * float(np.hypot(box[2] - box[0], box[3] - box[1]))


def read_mpii_json(path: str | Path, head_box_file: str | Path | None = None) -> list[Person]:
    """The people of an annotation in the HRNet/mmpose form, 1-based, centre and scale raw.

    Args:
        path: a list of records ``image, center, scale, joints, joints_vis``, or an object with
            such a list as ``people``. A record may also hold ``head_box`` (x1, y1, x2, y2) and
            ``joints_occluded``, as our synthetic people do.
        head_box_file: ``mpii_gt_val.mat``, whose boxes belong to records without ``head_box``.

    Raises:
        DataError: for a file that is not of this form, naming file, row and field.
    """
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f'{path}: not a JSON file ({error}); fetch it again') from None
    records = content.get('people') if isinstance(content, dict) else content
    if not isinstance(records, list):
        raise DataError(f'{path}: a list of people needed, in the HRNet/mmpose form')
    people = [_person(record, row, path) for row, record in enumerate(records)]
    if head_box_file is not None:
        _add_head_units(people, head_box_file, path)
    return people


def _person(record: dict, row: int, path: str | Path) -> Person:
    try:
        joints = np.array(record['joints'], float).reshape(-1, 2)
        annotated = np.array(record['joints_vis'], float).reshape(-1) > 0
        center, scale = np.array(record['center'], float).reshape(2), float(record['scale'])
        occluded = np.array(record.get('joints_occluded', np.zeros(len(joints))), bool)
        box = record.get('head_box')
        unit = np.nan if box is None else head_unit(np.array(box, float).reshape(4))
        picture = record['image']
    except KeyError as error:
        raise DataError(f'{path}, row {row}: field {error} is missing') from None
    except (TypeError, ValueError) as error:
        raise DataError(f'{path}, row {row}: {error}') from None
    where = f'{path}, row {row} ({picture})'
    if not len(joints) == len(annotated) == len(occluded):
        raise DataError(f'{where}: {len(joints)} joints, {len(annotated)} joints_vis, '
                        f'{len(occluded)} joints_occluded; one of each needed for every joint')
    if not np.isfinite(scale):
        raise DataError(f'{where}: the scale is {scale}, a number above 0 needed')
    if np.isnan(joints[annotated]).any():
        joint = int((np.isnan(joints).any(-1) & annotated).argmax())
        raise DataError(f'{where}: joint {joint} is NaN but marked as annotated; set its '
                        'joints_vis to 0')
    middle, side = crop_square(center - 1, scale)                       # 1-based -> 0-based
    return Person(picture=str(picture), center_image=middle, side_image=side,
                  keypoints_image=np.where(annotated[:, None], joints - 1, np.nan),
                  occluded=occluded, pck_unit=unit, row=row)


def _add_head_units(people: list[Person], head_box_file: str | Path, path: str | Path) -> None:
    """Give each person the head box of the person with the same joints: the file has no names."""
    boxes, truth, missing = (read_mat(head_box_file, name)
                             for name in ('headboxes_src', 'pos_gt_src', 'jnt_missing'))
    if truth.ndim != 3 or not truth.shape[::2] == missing.shape == (len(truth), boxes.shape[-1]):
        raise DataError(f'{head_box_file}: pos_gt_src of shape {truth.shape}, jnt_missing '
                        f'{missing.shape}, headboxes_src {boxes.shape} do not describe the same '
                        'people')
    joints = np.where(missing.T[..., None] > 0, 0, truth.transpose(2, 0, 1))    # (P, 16, 2)
    tree = cKDTree(joints.reshape(len(joints), -1))
    for person in people:
        if np.isnan(person.pck_unit):
            ours = np.nan_to_num(person.keypoints_image + 1).ravel()            # 1-based, as there
            distance, column = tree.query(ours) if len(ours) == tree.m else (np.inf, None)
            if distance > 0.5:
                raise DataError(f'{path}, row {person.row} ({person.picture}): no person in '
                                f'{head_box_file} has these joints; the two files do not belong '
                                'together')
            person.pck_unit = head_unit(boxes[:, :, column].ravel())


@DATASETS.register_module()
class MpiiDataset(PersonDataset):
    """MPII in the HRNet/mmpose form: an existing mmpose data folder works as it is.

    Args:
        ann_file: for example ``annotations/mpii_val.json``.
        head_box_file: ``annotations/mpii_gt_val.mat``, needed to evaluate on MPII.
        kwargs: as for :class:`PersonDataset`.
    """

    METAINFO = skeletons.MPII

    def __init__(self, ann_file: str, head_box_file: str | None = None,
                 data_prefix: dict = dict(img='images'), **kwargs):
        self.head_box_file = head_box_file
        super().__init__(ann_file=ann_file, data_prefix=data_prefix, **kwargs)

    def read_people(self) -> list[Person]:
        boxes = None if self.head_box_file is None else Path(self.data_root, self.head_box_file)
        return read_mpii_json(self.ann_file, boxes)
