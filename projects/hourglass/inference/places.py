"""Where the people of an image are: their boxes, and the square crops around these."""
from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from typing import Union

import numpy as np
from numpy import ndarray

from hourglass.datasets.crop import crop_around
from hourglass.datasets.person import PADDING, PX_PER_SCALE
from hourglass.errors import ConfigError, DataError, HourglassError
from hourglass.io.images import ImageLike

Rows = Union[Sequence, ndarray]
_LARGEST = 64                           # a side of the image would be 1 to 4 px long in the input


@dataclass
class Request:
    """An image, its name in messages and results, and where its people are.

    The image may be the error that says why there is none. Boxes, centres and scales are as for
    :func:`hourglass.inference.predict.predict`; ``image_id`` and ``ids`` are those of the image and
    of its people in a file of boxes, and ``keypoints`` the names that file gives to keypoints.

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
    image_id: int | str | None = None
    ids: Sequence[int | str] | None = None
    keypoints: Sequence[str] | None = None


def square_crops(request: Request, image_size: tuple[int, int], padding: float = PADDING
                 ) -> list[tuple[ndarray, float]]:
    """Return the middle (2,) and the side, image px, of the square crop of each person.

    Image size and padding are as for :func:`hourglass.datasets.crop.crop_around`. Raises
    ``DataError`` for boxes, centres or scales that describe no crop of this image, and
    ``ConfigError`` for a padding that is no number above 0.
    """
    if not isinstance(padding, Real) or not 0 < padding < np.inf:
        raise ConfigError(f'padding={padding!r}: give a number above 0')
    name, boxes, centers, scales = request.name, request.boxes, request.centers, request.scales
    if (centers is None) != (scales is None) or (boxes is not None and centers is not None):
        raise DataError(f'{name}: give boxes, or centers and scales, or neither')
    if centers is not None and scales is not None:
        middles = _numbers(centers, 2, 'centers', name)
        with suppress(ValueError):                      # rows of different lengths are named below
            scales = np.reshape(scales, (-1, 1))
        sides = PX_PER_SCALE * _numbers(scales, 1, 'scales', name)[:, 0]
        if len(middles) != len(sides):
            raise DataError(f'{name}: {len(middles)} centers and {len(sides)} scales; give one '
                            'scale for each centre')
        crops = list(zip(middles, sides.tolist()))
    else:
        corners = _numbers([(0, 0, *image_size)] if boxes is None else boxes, 4, 'boxes', name)
        if are_fractions(corners) and max(image_size) > 2:
            raise DataError(f'{name}: boxes {corners.tolist()} are fractions of the image; '
                            f'multiply x by {image_size[0]} and y by {image_size[1]}')
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
            raise DataError(f'{name}: a crop of {side:.0f} px is more than {_LARGEST} times the '
                            f'shorter side of the {size[0]}x{size[1]} image; give a box around '
                            'a person')
    return crops


def are_fractions(boxes: ndarray) -> bool:
    """Return whether boxes (P, 4) are fractions of an image's width and height, not px.

    Fractions are between 0 and 1, or a little beyond where a box leaves the image.
    """
    return bool(len(boxes) and (np.abs(boxes) <= 1.5).all())


def have_area(boxes: ndarray) -> bool:
    """Return whether all boxes (P, 4 or more columns) are finite, with x1 < x2 and y1 < y2."""
    return bool(np.isfinite(boxes).all() and (boxes[:, :2] < boxes[:, 2:4]).all())


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
