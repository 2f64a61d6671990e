"""Where the people of an image are: boxes from a file or a detector, and their square crops."""
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
from numpy import ndarray

from hourglass.datasets.crop import crop_around
from hourglass.errors import ConfigError, DataError, HourglassError
from hourglass.inference.detectors import find_detector
from hourglass.io.files import read_json
from hourglass.io.images import ImageLike

Rows = Union[Sequence, ndarray]
_LARGEST = 64                           # a side of the image would be 1 to 4 px long in the input
FindBoxes = Callable[['Request'], Optional[ndarray]]    # None: the whole image


@dataclass
class Request:
    """An image, its name in messages and results, and where its people are.

    The image may be the error that says why there is none. Boxes, centres and scales are as for
    :func:`hourglass.inference.predict.predict`.

    A frame has the name of its ``video``, and its ``time`` in s after the first frame; there, each
    box has the number of a person, one of ``track_ids`` (P,), the same in all frames.
    """

    image: ImageLike | HourglassError
    name: str
    boxes: Rows | None = None
    centers: Rows | None = None
    scales: Rows | None = None
    video: str | None = None
    time: float = 0.0
    track_ids: Sequence[int] = ()


def square_crops(request: Request, image_size: tuple[int, int], padding: float = 1.25
                 ) -> list[tuple[ndarray, float]]:
    """Return the middle (2,) and the side, image px, of the square crop of each person.

    Image size and padding are as for :func:`hourglass.datasets.crop.crop_around`. Raises
    ``DataError`` for boxes, centres or scales that describe no crop of this image.
    """
    name, boxes, centers, scales = request.name, request.boxes, request.centers, request.scales
    if (centers is None) != (scales is None) or (boxes is not None and centers is not None):
        raise DataError(f'{name}: give boxes, or centers and scales, or neither')
    if centers is not None and scales is not None:
        middles = _numbers(centers, 2, 'centers', name)
        sides = 200 * _numbers(np.reshape(scales, (-1, 1)), 1, 'scales', name)[:, 0]
        if len(middles) != len(sides):
            raise DataError(f'{name}: {len(middles)} centers and {len(sides)} scales; give one '
                            'scale for each centre')
        crops = list(zip(middles, sides.tolist()))
    else:
        corners = _numbers([(0, 0, *image_size)] if boxes is None else boxes, 4, 'boxes', name)
        for box in corners:
            if (box[:2] >= box[2:]).any():
                raise DataError(f'{name}: box {box.tolist()} has no area; give x1, y1, x2, y2 '
                                'with x1 < x2 and y1 < y2')
        crops = [crop_around(box, image_size, padding) for box in corners]
    size = np.array(image_size)
    for middle, side in crops:
        if side <= 0 or (np.abs(middle - (size - 1) / 2) >= (side + size) / 2).any():
            raise DataError(f'{name}: a crop of {side:.0f} px around {middle.tolist()} shows '
                            f'nothing of the {size[0]}x{size[1]} image')
        if side > _LARGEST * size.min():
            raise DataError(f'{name}: a crop of {side:.0f} px is more than {_LARGEST} times as '
                            f'large as the {size[0]}x{size[1]} image; give a box around a person')
    return crops


def _numbers(rows: Rows, columns: int, what: str, name: str) -> ndarray:
    """Return (P, columns) finite numbers; rows may have more columns, and P may be 0."""
    try:
        numbers = np.asarray(rows, float)
    except (TypeError, ValueError):
        raise DataError(f'{name}: {what} are no table of numbers') from None
    if numbers.size == 0:
        return numbers.reshape(0, columns)
    if numbers.ndim != 2 or numbers.shape[1] < columns:
        raise DataError(f'{name}: {what} of shape {numbers.shape}, (P, {columns}) needed')
    numbers = numbers[:, :columns]
    if not np.isfinite(numbers).all():
        raise DataError(f'{name}: {what} hold {numbers.tolist()}, finite numbers needed')
    return numbers


def box_finder(boxes: str | None = None, detector: str | None = None, whole_image: bool = False,
               **options: Any) -> FindBoxes:
    """Return a function that gives the boxes of an image, or None for a whole one.

    ``boxes`` is the path of a :class:`BoxFile`, ``detector`` a name for
    :func:`hourglass.inference.detectors.find_detector`, which takes the options. Unless one of the
    three is given alone, it is a ``ConfigError``; boxes and detectors raise their own.
    """
    if sum(map(bool, (boxes, detector, whole_image))) != 1:
        raise ConfigError('where are the people? Give one of --detector (finds them), --boxes, '
                          'and --whole-image (one person fills each image)')
    if boxes:
        known = BoxFile(boxes)
        return lambda request: known(request.name)
    if detector:
        find = find_detector(detector, **options)
        return lambda request: find(request.image, request.name)    # type: ignore[arg-type]  # read
    return lambda request: None


class BoxFile:
    """Boxes of people by the name of their image, from a JSON file; ``DataError`` for other files.

    Two forms are read: ``{"a.jpg": [[x1, y1, x2, y2], ...]}``, and COCO's, with ``images`` (``id``,
    ``file_name``) and ``annotations`` (``image_id``, ``bbox``: x, y, width, height). Frames of a
    video are named by their number, from 0. Names match with or without folders. An image with
    an empty list, or without annotation in COCO's form, shows no person.
    """

    def __init__(self, path: str | Path):
        self.path = path
        content = read_json(path, 'write it again')
        try:
            lists = _from_coco(content) if 'annotations' in content else content
            self.boxes = {name: np.asarray(rows, float).reshape(-1, 4)
                          for name, rows in lists.items()}
            alone = Counter(map(os.path.basename, self.boxes))
            self.boxes |= {os.path.basename(name): rows for name, rows in self.boxes.items()
                           if alone[os.path.basename(name)] == 1}
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f'{path}: no boxes as {{"a.jpg": [[x1, y1, x2, y2], ...]}} or in COCO\'s form '
                f'({type(error).__name__}: {error})') from None

    def __call__(self, name: str) -> ndarray:
        """Return (P, 4) of the image ``name``; raise ``DataError`` if the file lacks it."""
        for known in (name, os.path.basename(name)):
            if known in self.boxes:
                return self.boxes[known]
        raise DataError(f'{name}: {self.path} has no boxes for it; give it an empty list if it '
                        'shows no person')


def _from_coco(content: dict) -> dict[str, list]:
    names = {image['id']: image['file_name'] for image in content['images']}
    boxes: dict[str, list] = {name: [] for name in names.values()}
    for annotation in content['annotations']:
        x, y, width, height = annotation['bbox']
        boxes[names[annotation['image_id']]].append((x, y, x + width, y + height))
    return boxes
