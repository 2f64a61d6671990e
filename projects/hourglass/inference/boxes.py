"""Boxes of the people of an image, from a file or a detector."""
from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Optional

import numpy as np
from numpy import ndarray

from hourglass.datasets.coco_file import records
from hourglass.errors import ConfigError, DataError
from hourglass.inference.detectors import find_detector
from hourglass.inference.places import Request, are_fractions
from hourglass.io.files import match_names, read_json
from hourglass.io.images import as_image

FindBoxes = Callable[[Request], Optional[ndarray]]      # None: the whole image
FORMATS = ('xyxy', 'xywh')              # two corners, or a corner, width and height
_BEYOND = 1.1                           # of the image: annotated boxes end before that


def box_finder(boxes: str | None = None, detector: str | None = None, whole_image: bool = False,
               box_format: str | None = None, **options: Any) -> FindBoxes:
    """Return a function that gives the boxes of an image, or None for a whole one.

    ``boxes`` is the path of a :class:`BoxFile`, ``detector`` a name for
    :func:`hourglass.inference.detectors.find_detector`, which takes the options. Unless one of the
    three is given alone, it is a ``ConfigError``; boxes and detectors raise their own.
    """
    given = [option for option, value in (
        ('--detector', detector), ('--boxes', boxes), ('--whole-image', whole_image)) if value]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} all say where people are; give one of them")
    if not given:
        raise ConfigError('where are the people? Give one of --detector (finds them), --boxes, '
                          'and --whole-image (one person fills each image)')
    if box_format and not boxes:
        raise ConfigError('--box-format is for --boxes; leave it out')
    if boxes:
        return BoxFile(boxes, box_format)
    if detector:
        find = find_detector(detector, **options)
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
      name of an image, as of ``000000000139.jpg``, or its name.

    COCO's forms give the boxes of the category ``person``, of the only category of the file, or of
    category 1 where none is described. Other annotations and crowds are left out, which a warning
    counts. Names match with or without folders; frames of a video are named by their number, from
    0. An image with an empty list, or without annotation in COCO's forms, shows no person.

    Args:
        box_format: one of :data:`FORMATS`, if it is not the usual one of the form.

    Raises:
        DataError: for a file of another form, boxes that are fractions of the image, and boxes
            that appear to be of the other format.
    """

    def __init__(self, path: str | Path, box_format: str | None = None):
        self.path, self.checked = path, box_format is None
        content = read_json(path, 'write it again')
        try:
            self.listed = isinstance(content, list)
            self.coco = self.listed or 'annotations' in content
            images = _from_coco(content, Path(path)) if self.coco else {
                name: _Image(rows) for name, rows in content.items()}
            boxes = {name: _table(image.rows) for name, image in images.items()}
        except DataError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f'{path}: no boxes as {{"a.jpg": [[x1, y1, x2, y2], ...]}} or in one of COCO\'s '
                f'forms ({type(error).__name__}: {error})') from None
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
        self.images, self.boxes, self.find = images, boxes, match_names(boxes)
        self.taken: dict[str, str] = {}             # names in the file -> names of images

    def __call__(self, request: Request) -> ndarray:
        """Return boxes (P, 4) in image px, or with a score (P, 5), and give the request its ids.

        Raises ``DataError`` if the file lacks the image, or its boxes are corners in COCO's form.
        """
        name, stem = self.find(request.name), PurePosixPath(request.name).stem
        if name is None and self.listed:
            name = str(int(stem)) if stem.isdecimal() else self.find(stem)
            if stem.isdecimal() and name not in self.boxes:     # no one was found in this image
                request.image_id = int(stem)
                return np.zeros((0, 4))
        if name is None:
            raise DataError(f'{request.name}: {self.path} has no boxes for it; give it an empty '
                            'list if it shows no person')
        if (other := self.taken.setdefault(name, request.name)) != request.name:
            raise DataError(f'{request.name}: the boxes of {name} in {self.path} are those of '
                            f'{other}; name images with their folders')
        boxes, image = self.boxes[name], self.images[name]
        request.image_id = image.image_id
        request.ids = image.ids if len(image.ids) == len(boxes) else None
        if self.coco and self.checked and len(boxes):
            image_size = as_image(request.image).shape[1::-1]   # type: ignore[arg-type]  # read
            corners, ends = boxes[:, :2], boxes[:, 2:4]
            given = ends - corners                  # widths and heights, or the other corners
            if ((ends > np.multiply(_BEYOND, image_size)).any() and (given > corners).all()
                    and (given <= image_size).all()):
                raise DataError(f'{request.name}: its boxes in {self.path} end outside of the '
                                'image, but not if they are x1, y1, x2, y2; give --box-format xyxy')
        return boxes


def _table(rows: Any) -> ndarray:
    """Return boxes (P, 4), or with a score (P, 5)."""
    table = np.array(rows, float)
    if table.size == 0:
        return np.zeros((0, 4))
    if table.ndim != 2 or table.shape[1] not in (4, 5):
        raise ValueError(f'boxes of shape {table.shape}')
    return table


def _from_coco(content: Any, path: Path) -> dict[str, _Image]:
    """Return the people of COCO's annotations or results by the name, or the id, of their image."""
    listed = isinstance(content, list)
    annotations = records(content if listed else content['annotations'], ('image_id', 'bbox'), path,
                          'annotation')
    if listed:
        names = {one['image_id']: str(one['image_id']) for one in annotations}
    else:
        names = {one['id']: str(one['file_name']) for one in records(
            content['images'], ('id', 'file_name'), path, 'image')}
    categories = {one['id']: one.get('name') for one in records(
        [] if listed else content.get('categories', []), ('id',), path, 'category')}
    people = {None, *(categories or {1})} if len(categories) < 2 else {
        number for number, name in categories.items() if name == 'person'}
    if not people:
        raise DataError(f"{path}: none of its categories is 'person'; leave only one category, or "
                        'name one person')
    images = {name: _Image(image_id=number) for number, name in names.items()}
    left_out: Counter[str] = Counter()
    for one in annotations:
        x, y, width, height = one['bbox']
        if one.get('category_id') not in people:
            left_out['of other categories'] += 1
        elif one.get('iscrowd'):
            left_out['of crowds'] += 1
        else:
            image = images[names[one['image_id']]]
            image.rows.append((x, y, width, height, *([one['score']] if 'score' in one else [])))
            image.ids += [one['id']] if 'id' in one else []
    if left_out:
        logging.getLogger(__name__).warning('%s: boxes left out: %s', path, ', '.join(
            f'{count} {what}' for what, count in left_out.items()))
    return images
