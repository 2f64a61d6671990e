"""Boxes of the people of an image, from a file or a detector."""
from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Optional

import numpy as np
from numpy import ndarray

from hourglass.datasets.coco_file import floats, records
from hourglass.errors import ConfigError, DataError
from hourglass.inference.detectors import find_detector
from hourglass.inference.places import Request, Rows, are_fractions
from hourglass.io.files import match_names, read_json
from hourglass.io.images import size_of

FindBoxes = Callable[[Request], Optional[Rows]]         # None: the whole image
FORMATS = ('xyxy', 'xywh')              # two corners, or a corner, width and height
_BEYOND = 1.1                           # of the image: annotated boxes end before that


def box_finder(boxes: str | None = None, detector: str | None = None, whole_image: bool = False,
               box_format: str | None = None, images: Collection[str] = (),
               device: str | None = None, **options: Any) -> FindBoxes:
    """Return a function that gives the boxes of an image, or None for a whole one.

    ``boxes`` is the path of a :class:`BoxFile` for the ``images``, ``detector`` a name for
    :func:`hourglass.inference.detectors.find_detector`, which takes the device and the options that
    are not None. Unless one of the three is given alone, and options with a detector, it is a
    ``ConfigError``; boxes and detectors raise their own.
    """
    given = [option for option, value in (
        ('--detector', detector), ('--boxes', boxes), ('--whole-image', whole_image)) if value]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} {'both' if len(given) == 2 else 'all'} say where "
                          'people are; give one of them')
    if not given:
        raise ConfigError('where are the people? Give one of --detector (finds them), --boxes, '
                          'and --whole-image (one person fills each image)')
    if box_format and not boxes:
        raise ConfigError('--box-format is for --boxes; leave it out')
    options = {name: value for name, value in options.items() if value is not None}
    if options and not detector:
        name = next(iter(options))
        option = '--max-people' if name == 'max_people' else f'--detector-{name}'
        raise ConfigError(f'{option} is for --detector; leave it out')
    if boxes:
        return BoxFile(boxes, box_format, images)
    if detector:
        find = find_detector(detector, device=device, **options)
        return lambda request: find(request.image, request.name)    # type: ignore[arg-type]  # read
    return lambda request: None


@dataclass
class _Image:
    rows: list[Sequence[float]] = field(default_factory=list)   # boxes, perhaps with a score
    image_id: int | str | None = None
    ids: list[int | str] = field(default_factory=list)          # of the annotations, if they have


class BoxFile:
    """Boxes of people by the name of their image, from a JSON file of one of three forms.

    - ``{"a.jpg": [[x1, y1, x2, y2], ...]}``, where each box may end with its score.
    - COCO's annotations: ``images`` (``id``, ``file_name``), ``categories`` and ``annotations``
      (``image_id``, ``category_id``, ``bbox``: x, y, width, height; perhaps ``id``, ``score``).
    - COCO's results: a list of such annotations. Their ``image_id`` is the number that is the
      whole name of an image, as of ``000000000139.jpg``, or its name.

    COCO's forms give the boxes of the category ``person``, of the only category of the file, or of
    category 1 where none is described. Other annotations, crowds and boxes without area are left
    out, which a warning counts. Names match with or without folders; frames of a video are named by
    their number, from 0. An image with an empty list, or without annotation in COCO's forms, shows
    no person.

    Args:
        box_format: one of :data:`FORMATS`, if it is not the usual one of the form.
        images: names of all images, if they are known.

    Raises:
        DataError: for a file of another form, boxes that are fractions of the image, boxes that
            appear to be of the other format, and results of which none is of the images.
    """

    def __init__(self, path: str | Path, box_format: str | None = None,
                 images: Collection[str] = ()):
        self.path, self.checked = path, box_format is None
        content = read_json(path, 'write it again')
        self.listed = isinstance(content, list)
        if not self.listed and not isinstance(content, dict):
            raise DataError(f'{path}: no boxes as {{"a.jpg": [[x1, y1, x2, y2], ...]}} or in one '
                            "of COCO's forms")
        self.coco = self.listed or 'annotations' in content
        self.keypoints: list[str] | None = None     # of the people, if the file names them
        if self.coco:
            self.images, self.keypoints = _from_coco(content, Path(path), box_format == 'xyxy')
        else:
            self.images = {name: _Image(rows) for name, rows in content.items()}
        boxes = {name: _table(image.rows, f'{path}, {name}') for name, image in self.images.items()}
        if are_fractions(np.vstack([np.zeros((0, 4)), *(rows[:, :4] for rows in boxes.values())])):
            raise DataError(f'{path}: its boxes are fractions of the image; multiply x by its '
                            'width and y by its height')
        for name, rows in boxes.items():
            if box_format == 'xywh' or (self.coco and box_format is None):
                rows[:, 2:4] += rows[:, :2]
            elif self.checked and (backwards := (rows[:, :2] > rows[:, 2:4]).any(1)).any():
                raise DataError(f'{path}: box {rows[backwards][0].tolist()} of {name} is none as '
                                'x1, y1, x2, y2; if it is x, y, width, height, give --box-format '
                                'xywh')
        self.boxes, self.find = boxes, match_names(boxes)
        self.users: dict[str, list[str]] = {}       # names in the file -> names of images
        for one in images:
            self.users.setdefault(self._match(one) or '', []).append(one)
        lacking = [name for name in boxes if name not in self.users]
        if self.listed and images and lacking:
            if len(lacking) == len(boxes):
                raise DataError(f'{path}: none of its {len(boxes)} image_ids, as {lacking[0]!r}, '
                                f'is one of the images, as {next(iter(images))!r}; an image_id is '
                                'the name of an image, or the number that is its whole name')
            logging.getLogger(__name__).warning(
                '%s: %d of its %d image_ids are none of the images; the first is %r', path,
                len(lacking), len(boxes), lacking[0])

    def _match(self, image: str) -> str | None:
        """Return the name in the file of an image; results have it without suffix, or a number."""
        stem = PurePosixPath(image).stem
        found = self.find(image)
        if found is None and self.listed:
            number = str(int(stem)) if stem.isdecimal() else None
            found = self.find(stem) or (number if number in self.boxes else None)
        return found

    def __call__(self, request: Request) -> ndarray:
        """Return boxes (P, 4) in image px, or with a score (P, 5), and give the request its ids.

        Raises ``DataError`` if the file lacks the image, or means another one too, or its boxes are
        corners in COCO's form.
        """
        name, stem = self._match(request.name), PurePosixPath(request.name).stem
        request.keypoints = self.keypoints
        if name is None and self.listed and (stem.isdecimal() or not self.boxes):
            request.image_id = int(stem) if stem.isdecimal() else None  # no one was found there
            return np.zeros((0, 4))
        if name is None:
            raise DataError(f'{request.name}: {self.path} has no boxes for it; {self._advice()}')
        users = self.users.setdefault(name, [])
        if request.name not in users:
            users.append(request.name)
        if others := [user for user in users if request.name not in (user, name)]:
            raise DataError(f'{request.name}: the boxes of {name} in {self.path} may be those of '
                            f'{others[0]}; name images with their folders')
        boxes, image = self.boxes[name], self.images[name]
        request.image_id = image.image_id
        request.ids = image.ids if len(image.ids) == len(boxes) else None
        if self.coco and self.checked and len(boxes):
            image_size = size_of(request.image)     # type: ignore[arg-type]  # no error
            corners, ends = boxes[:, :2], boxes[:, 2:4]
            given = ends - corners                  # widths and heights, or the other corners
            if ((ends > np.multiply(_BEYOND, image_size)).any() and (given > corners).all()
                    and (given <= image_size).all()):
                raise DataError(f'{request.name}: its boxes in {self.path} end outside of the '
                                'image, but not if they are x1, y1, x2, y2; give --box-format xyxy')
        return boxes

    def _advice(self) -> str:
        if not self.coco:
            return 'give it an empty list if it shows no person'
        known = f'{next(iter(self.boxes))!r}, the first of {len(self.boxes)}' if self.boxes else ''
        if self.listed:
            return f'image_ids are those of {known}; add its name as one'
        return (f"'images' has {known or 'none'}; add this one, without annotations if it shows no "
                'person')


def _table(rows: Any, where: str) -> ndarray:
    """Return boxes (P, 4), or with a score (P, 5)."""
    if not isinstance(rows, list):
        raise DataError(f'{where}: {rows!r:.60} where a list of boxes is needed: '
                        '[[x1, y1, x2, y2], ...]')
    for place, row in enumerate(rows):
        if not isinstance(row, (list, tuple)) or len(row) not in (4, 5):
            raise DataError(f'{where}, box {place}: {row!r:.60} where x1, y1, x2, y2, and perhaps '
                            'a score, are needed in a list')
        floats(row, (len(row),), f'{where}, box {place}')
    if len(set(map(len, rows))) > 1:
        raise DataError(f'{where}: boxes with and without a score; give one to all or to none')
    return np.array(rows, float) if rows else np.zeros((0, 4))


def _from_coco(content: Any, path: Path, corners: bool
               ) -> tuple[dict[str, _Image], list[str] | None]:
    """Return the people of COCO's annotations or results by the name, or the id, of their image.

    The names of their keypoints follow, if the file has any. ``corners`` says that boxes are x1,
    y1, x2, y2.
    """
    listed = isinstance(content, list)
    annotations = records(content if listed else content['annotations'], ('image_id', 'bbox'), path,
                          'annotation')
    records([one for one in annotations if 'id' in one], ('id',), path, 'annotation')
    names = ({one['image_id']: str(one['image_id']) for one in annotations} if listed
             else _image_names(content, path))
    categories = {one['id']: one for one in records(
        [] if listed else content.get('categories', []), ('id',), path, 'category')}
    people = [None, *(categories or [1])] if len(categories) < 2 else [
        number for number, one in categories.items() if one.get('name') == 'person']
    if not people:
        raise DataError(f"{path}: none of its categories is 'person'; leave only one category, or "
                        'name one person')
    images = {name: _Image(image_id=number) for number, name in names.items()}
    left_out: Counter[str] = Counter()
    for place, one in enumerate(annotations):
        where = f"{path}, annotation {one.get('id', place)}"
        box = floats(one['bbox'], (4,), f'{where}: bbox')
        if one['image_id'] not in names:
            raise DataError(f"{where}: image {one['image_id']!r} is not in 'images'")
        if one.get('category_id') not in people:
            left_out['of other categories'] += 1
        elif floats(one.get('iscrowd') or 0, (), f'{where}: iscrowd'):
            left_out['of crowds'] += 1
        elif (box[2:] <= (box[:2] if corners else 0)).any():
            left_out['without area'] += 1
            logging.getLogger(__name__).warning('%s: bbox %s has no area', where, one['bbox'])
        else:
            image = images[names[one['image_id']]]
            score = [float(floats(one['score'], (), f'{where}: score'))] if 'score' in one else []
            image.rows.append((*box.tolist(), *score))
            image.ids += [one['id']] if 'id' in one else []
    if left_out:
        logging.getLogger(__name__).warning('%s: boxes left out: %s', path, ', '.join(
            f'{count} {what}' for what, count in left_out.items()))
    named = [one['keypoints'] for number, one in categories.items()
             if number in people and isinstance(one.get('keypoints'), list)]
    return images, named[0] if named else None


def _image_names(content: dict, path: Path) -> dict[Any, str]:
    """Return the names of the images of COCO's annotations by their ids."""
    if 'images' not in content:
        raise DataError(f"{path}: 'annotations' and no 'images'; add these, each with id and "
                        'file_name')
    names = {one['id']: str(one['file_name']) for one in records(
        content['images'], ('id', 'file_name'), path, 'image')}
    if twice := [name for name, count in Counter(names.values()).items() if count > 1]:
        raise DataError(f'{path}: two of the images have the file_name {twice[0]!r}; name them '
                        'apart')
    return names
