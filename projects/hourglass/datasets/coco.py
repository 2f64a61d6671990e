"""The data set of an annotation file in COCO's form, of any keypoints."""
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.datasets.base import PersonDataset
from hourglass.datasets.checks import place_problem, surely_inside
from hourglass.datasets.coco_file import CocoFile, has_area, read_coco
from hourglass.datasets.crop import crops_around
from hourglass.datasets.person import Person
from hourglass.datasets.skeletons import define_skeleton
from hourglass.datasets.splits import HeldOut, validation_images
from hourglass.errors import ConfigError, DataError
from hourglass.io.files import without_collection
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

    @without_collection()
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

    def forget(self) -> None:
        self.file = replace(self.file, annotations=[])          # of 2 kB each


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
    for one in file.annotations:
        record = file.images[one['image_id']]
        if record['file_name'] not in sizes:
            sizes[record['file_name']] = _image_size(record, folder)
    everyone = _people(file, sizes, crop)
    for one, person, inside in zip(file.annotations, everyone, surely_inside(everyone)):
        crowd = 'crowd' in leave_out and one.get('iscrowd')
        reason = 'crowd' if crowd else None if inside else _reason(person)
        if reason is None:
            people.append(person)
        elif reason in leave_out:
            left_out[reason] += 1
        else:
            raise DataError(f"{file.path}, annotation {one['id']} ({person.image_name}): "
                            f'{REASONS[reason]}')
    _check_fit(file, left_out['outside'], sizes)
    shown = Counter(person.image_name for person in people if crop == 'image')
    if max(shown.values(), default=0) > 1:
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
    boxes = np.fromiter(
        (number for one in file.annotations if has_area(one.get('bbox'))
         for number in (*one['bbox'], *sizes[file.images[one['image_id']]['file_name']])),
        float).reshape(-1, 3, 2)                        # corner, extent, and image
    beyond = (boxes[:, 0] + boxes[:, 1] > 1.05 * boxes[:, 2]).any(1).sum()
    if beyond > max(10, len(boxes) / 2):
        raise DataError(
            f'{file.path}: {beyond} of {len(boxes)} boxes end outside of their images; COCO writes '
            "'bbox' as x, y, width, height, and not as two corners")


def _people(file: CocoFile, sizes: Mapping[str, tuple[int, int]], crop: str) -> list[Person]:
    """Make a person of each annotation; without a box to crop, the side of the crop is 0."""
    shape = len(file.annotations), len(file.names), 3
    triples = np.reshape([one['keypoints'] for one in file.annotations], shape)     # (A, K, 3)
    occluded = triples[..., 2] == 1
    keypoints_image = np.where(triples[..., 2:] > 0, triples[..., :2], np.nan)
    del triples                                         # is large
    names = [file.images[one['image_id']]['file_name'] for one in file.annotations]
    centers_image, sides_image, boxes_image = _places(
        [one.get('bbox') for one in file.annotations], keypoints_image,
        np.array([sizes[name] for name in names], float).reshape(-1, 2), crop)
    return [Person(
        image_name=name, center_image=centers_image[row], side_image=float(sides_image[row]),
        row=one['row'], keypoints_image=keypoints_image[row], occluded=occluded[row],
        area_image=one.get('area') or None, image_size=sizes[name], image_id=one['image_id'],
        annotation_id=one['id'], category_id=one.get('category_id', 1), bbox_image=boxes_image[row])
        for row, (one, name) in enumerate(zip(file.annotations, names))]


def _places(given: Sequence[Sequence[float] | None], keypoints_image: ndarray, sizes: ndarray,
            crop: str) -> tuple[ndarray, ndarray, ndarray]:
    """Return middles (A, 2) and sides (A,) of the crops, and boxes (A, 4) of the people."""
    annotated = np.array([box if has_area(box) else (0, 0, 0, 0) for box in given], float).reshape(
        -1, 4)
    # boxes count from the image's corner; that of no keypoint is 0
    outlines = np.hstack([np.fmin.reduce(keypoints_image, 1), np.fmax.reduce(keypoints_image, 1)])
    boxes = dict(bbox=np.hstack([annotated[:, :2], annotated[:, :2] + annotated[:, 2:]]),
                 keypoints=np.nan_to_num(outlines + 0.5),
                 image=np.hstack([np.zeros_like(sizes), sizes]))
    own = boxes['image'].astype(float)                  # unless another one has an extent
    for box in (boxes['keypoints'], boxes['bbox']):
        own = np.where((box[:, 2:] > box[:, :2]).any(1)[:, None], box, own)
    return *crops_around(boxes[crop], sizes), own


def _reason(person: Person) -> str | None:
    """Return the first of :data:`REASONS` but a crowd to leave a person out, or None."""
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
