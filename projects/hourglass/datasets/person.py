"""One annotated person, in the form of every data set and in that of COCO."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.datasets.skeletons import keypoint_names

AREA_OF_BOX = 0.53                      # of a person's box, where no area is annotated: mmpose
PX_PER_SCALE = 200                      # the unit of MPII's scales, and of those made like them
PADDING = 1.25                          # of a crop over the person: the authors' and mmpose's


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
        bbox_image: (4,) x1, y1, x2, y2 of the person's own box in image px, where annotated; in
            files of COCO's form, where it is not, of the box around the keypoints, or the image.
        sides_swapped: whether left and right are not the person's own, but those of an observer
            who sees the person from behind.
        place: 0-based indices of the image, and of the person on it, in MPII's release, or None.
        single_person: whether MPII's official score counts the person; None where unknown.
        area_image: annotated area of the person in px^2, as COCO's; None where there is none.
        image_size: (w, h) of the upright image in px as the annotation has it, None where it does
            not; an image of another size is an error.
        image_id, annotation_id: ids of image and person in the file; None where it has none.
        category_id: id of the person's category in the file.
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
    image_size: tuple[int, int] | None = None
    image_id: int | str | None = None
    annotation_id: int | None = None
    category_id: int = 1

    def __reduce__(self) -> tuple:
        """Pickle arrays as bytes, in a third of the time: data sets keep people pickled."""
        return _unpickled, tuple(
            (value.tobytes(), value.dtype.str, value.shape) if isinstance(value, ndarray)
            else value for value in vars(self).values())


def _unpickled(*values: Any) -> Person:
    fields: list[Any] = [
        np.frombuffer(value[0], value[1]).reshape(value[2]).copy()
        if isinstance(value, tuple) and isinstance(value[0], bytes) else value for value in values]
    return Person(*fields)


def coco_annotation(person: Person, image_id: int | str | None) -> dict:
    """Return a person in the form of COCO's annotations.

    Without an annotated box, that around the annotated keypoints takes its place, and without an
    area 0.53 of the box, as in mmpose. ``id`` is the row, from 1, where the file has none, as
    COCO's evaluation takes 0 for no match.
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
    area = AREA_OF_BOX * width * height if person.area_image is None else person.area_image
    triples = np.column_stack([np.nan_to_num(person.keypoints_image), flags])       # (K, 3)
    return dict(id=person.row + 1 if person.annotation_id is None else person.annotation_id,
                image_id=image_id, category_id=person.category_id, iscrowd=0,
                num_keypoints=int(annotated.sum()), keypoints=triples.ravel().tolist(),
                bbox=[float(box[0]), float(box[1]), float(width), float(height)],
                area=float(area))


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


def joint_problem(person: Person, num_keypoints: int) -> str | None:
    """Describe what is wrong with a person's joints; None if nothing is."""
    if person.keypoints_image.shape != (num_keypoints, 2):
        return f'joints of shape {person.keypoints_image.shape}, ({num_keypoints}, 2) needed'
    if np.isinf(person.keypoints_image).any():
        return 'a joint lies at infinity; mark it as not annotated'
    return None
