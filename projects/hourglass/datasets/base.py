"""One annotated person, and the base class that turns persons into mmpose's samples."""
from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import MessageHub
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from numpy import ndarray

from hourglass.datasets.skeletons import SKELETONS, keypoint_names
from hourglass.errors import ConfigError, DataError

_METAINFO_OF_SAMPLES = (
    'dataset_name', 'upper_body_ids', 'lower_body_ids', 'flip_pairs', 'dataset_keypoint_weights',
    'flip_indices', 'skeleton_links')


@dataclass
class Person:
    """A person as annotated, in the same form for every data set.

    Attributes:
        image_name: file name below the image folder.
        center_image: (2,) x, y of the crop's centre, image px, 0-based.
        side_image: side of the square crop in image px, with every factor of the protocol applied.
        keypoints_image: (K, 2) x, y, image px, 0-based; NaN where not annotated.
        occluded: (K,) bool; annotated, but hidden behind something.
        row: index of the person in the annotation file, for messages.
        pck_unit: image px that distances are divided by, where the protocol does not measure them
            itself: 0.6 x the head's diagonal for MPII, NaN where unknown, as for training people.
        bbox_image: (4,) x1, y1, x2, y2 of the person's own box in image px, where annotated.
        sides_swapped: whether left and right are not the person's own, but those of an observer
            who sees the person from behind.
        place: 0-based indices of the image, and of the person on it, in MPII's release, or None.
        single_person: whether MPII's official score counts the person; None where unknown.
        area_image: annotated area of the person in px^2, as COCO's; None where there is none.
    """

    image_name: str
    center_image: ndarray
    side_image: float
    keypoints_image: ndarray
    occluded: ndarray
    row: int
    pck_unit: float | None = None
    bbox_image: ndarray | None = None
    sides_swapped: bool = False
    place: tuple[int, int] | None = None
    single_person: bool | None = None
    area_image: float | None = None


class PersonDataset(BaseCocoStyleDataset):
    """Base of the data sets: one sample with a square crop for every person.

    It checks all annotations and the image folder before the first sample. mmpose's base class
    skips people silently and finds a missing image in the middle of an epoch.

    Args:
        data_root: the data set's folder, which ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``dict(img=...)``, the image folder.
        skeleton: the joints of the samples: ``'mpii'``, ``'flic'`` or ``'lsp'``
            (:func:`with_joints_of`); by default the data set's own.
        kwargs: as for mmengine's ``BaseDataset``.

    Raises:
        ConfigError: for another skeleton.
        DataError: for a missing folder, file or image, or a wrong annotation.
    """

    elsewhere: Sequence[str] = ()       # joints that lie elsewhere than those of equal name
    no_unit = 'its pck_unit is not a number of px above 0, as a test needs'

    def __init__(self, data_root: str, ann_file: str, data_prefix: dict = dict(img='images'),
                 skeleton: str | None = None, **kwargs: Any):
        if skeleton not in (None, *SKELETONS):
            raise ConfigError(f'{type(self).__name__}: skeleton={skeleton!r}, choose from '
                              f'{tuple(SKELETONS)}')
        self.skeleton = SKELETONS[skeleton] if skeleton else None
        super().__init__(data_root=data_root, ann_file=ann_file, data_prefix=data_prefix,
                         metainfo=self.skeleton, **kwargs)
        # mmpose's CocoMetric would read the annotation file as COCO's; the samples have it all
        MessageHub.get_current_instance().update_info(
            f"{self.metainfo['dataset_name']}_ann_file", None)

    @abstractmethod
    def read_people(self) -> list[Person]:
        """Read all people of this split, in the order of the annotation file."""

    def load_data_list(self) -> list[dict]:
        if not Path(self.data_root).is_dir():
            raise DataError(f'{self.data_root}: no such data folder. Set HOURGLASS_DATA to the '
                            'folder that holds it, or put it there (docs/data.md)')
        if not Path(self.ann_file).is_file():
            raise DataError(f'{self.ann_file}: no such annotation file (docs/data.md)')
        people = self.read_people()
        if not people:
            raise DataError(f'{self.ann_file}: no people in this split')
        if self.skeleton:
            # a test needs the joints that lie elsewhere to measure by, such as FLIC's torso
            left_out = () if self.test_mode else self.elsewhere
            people = [with_joints_of(self.skeleton, person, self.METAINFO, left_out)
                      for person in people]
        for person in people:
            problem = person_problem(person, self.metainfo['num_keypoints'],
                                     self.no_unit if self.test_mode else None)
            if problem:
                where = f'{self.ann_file}, row {person.row} ({person.image_name})'
                raise DataError(f'{where}: {problem}')
        folder, names = Path(self.data_prefix['img']), {person.image_name for person in people}
        missing = missing_images(folder, names)
        if missing:
            first = next(person for person in people if person.image_name in missing)
            raise DataError(f'{folder}: {len(missing)} of {len(names)} images are missing, first '
                            f'{first.image_name}{missing[first.image_name]} of row {first.row} in '
                            f'{self.ann_file}; complete the folder')
        self._metainfo['CLASSES'] = [dict(id=1, name='person')]         # read by CocoMetric
        images = {name: i for i, name in enumerate(dict.fromkeys(p.image_name for p in people))}
        return [self._sample(index, images[person.image_name], person)
                for index, person in enumerate(people)]

    def get_data_info(self, idx: int) -> dict:
        """Return a sample with the metainfo, which transforms only read, so it is not copied."""
        info = super(BaseCocoStyleDataset, self).get_data_info(idx)
        return info | {key: self._metainfo[key] for key in _METAINFO_OF_SAMPLES}

    def _sample(self, index: int, image: int, person: Person) -> dict:
        annotated = ~np.isnan(person.keypoints_image).any(-1)                       # (K,)
        keypoints_image = np.where(annotated[:, None], person.keypoints_image, 0)   # (K, 2)
        center, half = person.center_image, person.side_image / 2
        box = np.r_[center - half, center + half]
        if person.bbox_image is not None:
            box = person.bbox_image
        return dict(
            id=index, img_id=image, category_id=1,
            img_path=os.path.join(self.data_prefix['img'], person.image_name),
            bbox=box.astype(np.float32)[None],
            bbox_score=np.ones(1, np.float32),
            bbox_center=np.asarray(center, np.float32)[None],
            bbox_scale=np.full((1, 2), person.side_image, np.float32),
            keypoints=keypoints_image.astype(np.float32)[None],
            keypoints_visible=annotated.astype(np.float32)[None],
            # the annotation for the metrics, ours and COCO's: no transform changes it
            raw_ann_info=coco_annotation(person, image) | {
                key: value for key, value in vars(person).items()
                if key not in ('center_image', 'side_image')})


def with_joints_of(skeleton: dict, person: Person, own: dict, left_out: Sequence[str] = ()
                   ) -> Person:
    """Return a person with the joints of another skeleton, by name; those it lacks are NaN.

    A pelvis and a thorax that it lacks are the middles of the hips and of the shoulders: half of
    MPII's own lie within 0.3 % of the torso's length from these.

    Args:
        skeleton, own: metainfo of the other skeleton and of the person's own.
        left_out: joints of the person that are not used.
    """
    names = keypoint_names(own)
    if len(person.keypoints_image) != len(names):
        return person                   # the checks of the data set name it
    places, occluded = (
        {name: value for name, value in zip(names, values) if name not in left_out}
        for values in (person.keypoints_image, person.occluded))
    for middle, part in (('pelvis', 'hip'), ('thorax', 'shoulder')):
        ends = f'right_{part}', f'left_{part}'
        if middle not in places and places.keys() >= set(ends):
            places[middle] = np.mean([places[end] for end in ends], axis=0)
            occluded[middle] = all(occluded[end] for end in ends)
    wanted = keypoint_names(skeleton)
    return replace(
        person, occluded=np.array([occluded.get(name, False) for name in wanted]),
        keypoints_image=np.stack([places.get(name, np.full(2, np.nan)) for name in wanted]))


def coco_annotation(person: Person, image_id: int) -> dict:
    """Return a person in the form of COCO's annotations.

    Without an annotated box, that around the annotated keypoints takes its place, and without an
    area 0.53 of the box, as in mmpose. ``id`` is the row, from 1, as COCO's evaluation takes 0 for
    no match.
    """
    annotated = ~np.isnan(person.keypoints_image).any(-1)                           # (K,)
    flags = np.where(annotated, np.where(person.occluded, 1, 2), 0)
    box = person.bbox_image
    if box is None:
        box = np.zeros(4)
        if annotated.any():
            joints = person.keypoints_image[annotated]
            box = np.r_[joints.min(0), joints.max(0)]
    width, height = box[2:] - box[:2]
    area = 0.53 * width * height if person.area_image is None else person.area_image
    triples = np.column_stack([np.nan_to_num(person.keypoints_image), flags])       # (K, 3)
    return dict(id=person.row + 1, image_id=image_id, category_id=1, iscrowd=0,
                num_keypoints=int(annotated.sum()), keypoints=triples.ravel().tolist(),
                bbox=[float(box[0]), float(box[1]), float(width), float(height)],
                area=float(area))


def joint_problem(person: Person, num_keypoints: int) -> str | None:
    """Describe what is wrong with a person's joints; None if nothing is."""
    if person.keypoints_image.shape != (num_keypoints, 2):
        return f'joints of shape {person.keypoints_image.shape}, ({num_keypoints}, 2) needed'
    if np.isinf(person.keypoints_image).any():
        return 'a joint lies at infinity; mark it as not annotated'
    return None


def person_problem(person: Person, num_keypoints: int, no_unit: str | None) -> str | None:
    """Describe why a person cannot be a sample; None if nothing is wrong.

    ``no_unit`` is the description of a PCK unit that is not above 0; None where none is needed.
    """
    if not 0 < person.side_image < np.inf:
        return f'the scale makes a crop of {person.side_image} px, more than 0 needed'
    if not np.isfinite(person.center_image).all():
        return f'the centre is {person.center_image.tolist()}, two numbers needed'
    annotated = not np.isnan(person.keypoints_image).all()
    unit = person.pck_unit
    if no_unit and annotated and unit is not None and not 0 < unit < np.inf:
        return no_unit
    return joint_problem(person, num_keypoints)


def missing_images(folder: Path, names: set[str]) -> dict[str, str]:
    """Find the images that a folder lacks, each with a hint at a file of a similar name."""
    if not folder.is_dir():
        raise DataError(f'{folder}: no such image folder (docs/data.md)')
    present = {os.path.join(sub, entry.name) for sub in {os.path.dirname(name) for name in names}
               if (folder / sub).is_dir() for entry in os.scandir(folder / sub)}
    missing = names - present
    similar = {_stem(name): name for name in present} if missing else {}
    return {name: f' ({similar[_stem(name)]} is there: case or extension differ, rename it)'
            if _stem(name) in similar else '' for name in missing}


def _stem(name: str) -> str:
    return os.path.splitext(name)[0].lower()
