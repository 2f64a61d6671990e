"""The data set of an annotation file in COCO's form, of any keypoints."""
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hourglass.datasets.base import PersonDataset
from hourglass.datasets.checks import place_problem
from hourglass.datasets.coco_file import CocoFile, has_area, read_coco
from hourglass.datasets.crop import crop_around
from hourglass.datasets.person import Person
from hourglass.datasets.skeletons import define_skeleton
from hourglass.datasets.splits import HeldOut, validation_images
from hourglass.errors import ConfigError, DataError
from hourglass.io.images import image_size
from hourglass.registry import DATASETS

CROPS = ('bbox', 'keypoints', 'image')
# why an annotation may be left out, and what an error says of one that is not
REASONS = {
    'crowd': 'marks a crowd',
    'no keypoints': 'has no annotated keypoint',
    'no box': 'has nothing with an extent to crop; annotate a box, or set another crop',
    'outside': 'lies outside of the image'}


@DATASETS.register_module()
class KeypointDataset(PersonDataset):
    """People, or anything else with keypoints, of an annotation file in COCO's form.

    Names and bones of the keypoints are those of the file (:mod:`.coco_file`).

    Args:
        split: ``'train'`` or ``'val'``, the images that ``held_out`` leaves or holds; by default
            all.
        held_out: images to validate on, as for :func:`.splits.validation_images`; the path of a
            list is relative to ``data_root``.
        crop: what the square crop of a person lies around: the annotated ``'bbox'``, the
            ``'keypoints'``, each with the margin of predictions, or the whole ``'image'``.
        leave_out: reasons to leave annotations out: ``'crowd'``; ``'no keypoints'``; ``'no box'``,
            a ``bbox`` without area, or a single keypoint where the crop lies around these;
            ``'outside'``, of which nothing is in the image. A crowd that is not left out is used
            as a person, and all others are an error. ``left_out`` counts them.
        category: name of the category; by default all, if they have the same keypoints.
        kwargs: as for :class:`PersonDataset`.

    Raises:
        ConfigError: for an unknown split, crop, reason, or list of images.
        DataError: for an annotation that cannot be used.
    """

    left_out: Counter[str]

    def __init__(self, ann_file: str, data_root: str = '', split: str | None = None,
                 held_out: HeldOut | None = None, crop: str = 'bbox',
                 leave_out: Collection[str] = tuple(REASONS), category: str | None = None,
                 **kwargs: Any):
        for name, given, choices in (('split', [split], (None, 'train', 'val')),
                                     ('crop', [crop], CROPS), ('leave_out', leave_out, REASONS)):
            if wrong := set(given) - set(choices):
                raise ConfigError(f'KeypointDataset: {name}={wrong.pop()!r}, choose from '
                                  f'{tuple(filter(None, choices))}')
        if (split is None) != (held_out is None):
            raise ConfigError('KeypointDataset: split and held_out go together: give both or '
                              'neither')
        self.split, self.held_out, self.crop, self.leave_out = split, held_out, crop, leave_out
        self.file = read_coco(Path(data_root, ann_file), category)
        self.METAINFO = define_skeleton('own', self.file.names, bones=self.file.bones)
        super().__init__(data_root, ann_file, **kwargs)

    def read_people(self) -> list[Person]:
        file = self.file
        if self.held_out is not None:
            annotated = {one['image_id'] for one in file.annotations}
            held = validation_images(
                [file.images[image]['file_name'] for image in annotated],
                Path(self.data_root, self.held_out) if isinstance(self.held_out, (str, Path))
                else self.held_out)
            file = replace(file, annotations=[
                one for one in file.annotations if self.split == (
                    'val' if file.images[one['image_id']]['file_name'] in held else 'train')])
        people, self.left_out = find_people(
            file, Path(self.data_prefix['img']), self.crop, self.leave_out)
        if not people:
            counts = ', '.join(f'{count} for {why!r}' for why, count in self.left_out.items())
            raise DataError(f'{file.path}: no person to use; {counts or "nothing"} left out of '
                            f'{len(file.annotations)} annotations')
        return people


def find_people(file: CocoFile, folder: Path, crop: str, leave_out: Collection[str]
                ) -> tuple[list[Person], Counter[str]]:
    """Return the people of a file, and how many are left out for each of the :data:`REASONS`.

    ``folder`` holds the images, whose sizes are read where the file does not give them. Raises
    ``DataError`` for a person who cannot be used and is not to be left out, and for a file whose
    coordinates or boxes fit its images too seldom to be meant for them.
    """
    people: list[Person] = []
    left_out: Counter[str] = Counter()
    sizes: dict[str, tuple[int, int]] = {}
    for row, one in enumerate(file.annotations):
        record = file.images[one['image_id']]
        name = record['file_name']
        if name not in sizes:
            sizes[name] = _image_size(record, folder)
        person = _person(one, row, name, sizes[name], crop)
        reason = _reason(one, person, 'crowd' in leave_out)
        if reason is None:
            people.append(person)
        elif reason in leave_out:
            left_out[reason] += 1
        else:
            raise DataError(f"{file.path}, annotation {one['id']} ({name}): {REASONS[reason]}")
    _check_fit(file, left_out['outside'], sizes)
    shown = Counter(person.image_name for person in people)
    if crop == 'image' and max(shown.values(), default=0) > 1:
        name, count = shown.most_common(1)[0]
        raise DataError(f"{file.path}: crop='image' is for one person an image, and {name} shows "
                        f'{count}; set another crop')
    return people, left_out


def _check_fit(file: CocoFile, outside: int, sizes: Mapping[str, tuple[int, int]]) -> None:
    """Raise ``DataError`` if a tenth of the annotations, or half of the boxes, end outside.

    Ten may, and a box may reach over the border by 5 %.
    """
    if outside > max(10, len(file.annotations) / 10):
        raise DataError(
            f'{file.path}: {outside} of {len(file.annotations)} annotations lie outside of their '
            'images; were these annotated in another size?')
    boxes = [one for one in file.annotations if has_area(one.get('bbox'))]
    beyond = sum((np.add(one['bbox'][:2], one['bbox'][2:]) > np.multiply(1.05, sizes[
        file.images[one['image_id']]['file_name']])).any() for one in boxes)
    if beyond > max(10, len(boxes) / 2):
        raise DataError(
            f'{file.path}: {beyond} of {len(boxes)} boxes end outside of their images; COCO writes '
            "'bbox' as x, y, width, height, and not as two corners")


def _person(one: dict, row: int, name: str, size: tuple[int, int], crop: str) -> Person:
    """Make a person of an annotation; without a box to crop, the side of the crop is 0."""
    triples = np.array(one['keypoints'], float).reshape(-1, 3)
    annotated = triples[:, 2] > 0                                                   # (K,)
    x, y, width, height = one['bbox'] if has_area(one.get('bbox')) else (0, 0, 0, 0)
    boxes = {'bbox': np.array([x, y, x + width, y + height], float), 'keypoints': np.zeros(4),
             'image': np.array([0, 0, *size], float)}
    if annotated.any():
        joints = triples[annotated, :2] + 0.5           # boxes count from the image's corner
        boxes['keypoints'] = np.r_[joints.min(0), joints.max(0)]
    center_image, side_image = crop_around(boxes[crop], size)
    return Person(
        image_name=name, center_image=center_image, side_image=side_image, row=row,
        keypoints_image=np.where(annotated[:, None], triples[:, :2], np.nan),
        occluded=triples[:, 2] == 1, area_image=one.get('area') or None, image_size=size,
        image_id=one['image_id'], annotation_id=one['id'], category_id=one.get('category_id', 1),
        bbox_image=next(box for box in boxes.values() if (box[2:] > box[:2]).any()))


def _reason(one: dict, person: Person, crowds: bool) -> str | None:
    """Return the first of :data:`REASONS` to leave a person out, None if there is none."""
    if crowds and one.get('iscrowd'):
        return 'crowd'
    if np.isnan(person.keypoints_image).all():
        return 'no keypoints'
    if not person.side_image > 0:
        return 'no box'
    return 'outside' if place_problem(person, None) else None


def _image_size(record: dict, folder: Path) -> tuple[int, int]:
    """Return (w, h) of an image, as its record or its file says."""
    if record.get('width') and record.get('height'):
        return record['width'], record['height']
    return image_size(folder / record['file_name'])
