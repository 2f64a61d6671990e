"""Where the people of an image are: boxes, or centres and scales, as square crops."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from hourglass.datasets.crop import crop_around
from hourglass.errors import DataError


@dataclass
class Places:
    """Where the people of one image are: by boxes, or by centres and scales, or not known.

    Attributes:
        boxes: (P, 4 or more) x1, y1, x2, y2 in image px, from the image's corner; further columns
            are ignored. No row: no person.
        centers: (P, 2) middles of square crops in image px, 0-based.
        scales: (P,) sides of these crops in units of 200 px, as MPII's (which the authors multiply
            by 1.25 before).
    """

    boxes: Sequence | ndarray | None = None
    centers: Sequence | ndarray | None = None
    scales: Sequence | ndarray | None = None

    @property
    def whole_image(self) -> bool:
        """Whether nothing is known, so that one person is looked for in the whole image."""
        return self.boxes is None and self.centers is None and self.scales is None

    def crops(self, image_size: tuple[int, int], padding: float, name: str
              ) -> list[tuple[ndarray, float]]:
        """The middle (2,) and the side, image px, of the square crop of each person.

        Args:
            image_size: (w, h).
            padding: of boxes, as for :func:`hourglass.datasets.crop.crop_around`.
            name: of the image, for messages.

        Raises:
            DataError: for boxes, centres or scales that describe no crop of this image.
        """
        if (self.centers is None) != (self.scales is None) or (
                self.boxes is not None and self.centers is not None):
            raise DataError(f'{name}: give boxes, or centers and scales, or neither')
        if self.centers is not None and self.scales is not None:
            middles = _numbers(self.centers, 2, 'centers', name)
            sides = 200 * _numbers(np.reshape(self.scales, (-1, 1)), 1, 'scales', name)[:, 0]
            if len(middles) != len(sides):
                raise DataError(f'{name}: {len(middles)} centers and {len(sides)} scales; give one '
                                'scale for each centre')
            crops = list(zip(middles, sides.tolist(), strict=True))
        else:
            boxes = [(0, 0, *image_size)] if self.boxes is None else self.boxes
            corners = _numbers(boxes, 4, 'boxes', name)
            for box in corners:
                if (box[:2] >= box[2:]).any():
                    raise DataError(f'{name}: box {box.tolist()} has no area; give x1, y1, x2, y2 '
                                    'with x1 < x2 and y1 < y2')
            crops = [crop_around(box, image_size, padding) for box in corners]
        for middle, side in crops:
            _check_crop(middle, side, image_size, name)
        return crops


def _check_crop(middle: ndarray, side: float, image_size: tuple[int, int], name: str) -> None:
    size = np.array(image_size)
    if side <= 0 or (np.abs(middle - (size - 1) / 2) >= (side + size) / 2).any():
        raise DataError(f'{name}: a crop of {side:.0f} px around {middle.tolist()} shows nothing '
                        f'of the {image_size[0]}x{image_size[1]} image')
    if side > _LARGEST * min(image_size):
        raise DataError(f'{name}: a crop of {side:.0f} px is more than {_LARGEST} times as large '
                        f'as the {image_size[0]}x{image_size[1]} image; give a box around a person')


_LARGEST = 64                           # a side of the image would be 1 to 4 px long in the input


def _numbers(rows: Sequence | ndarray, columns: int, what: str, name: str) -> ndarray:
    """(P, columns) finite numbers; rows may have more columns, and there may be no row."""
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
