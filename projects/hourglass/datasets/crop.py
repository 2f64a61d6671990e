"""The crop: from an image to the input of a network, and the way back.

Training, testing, prediction, reports and exported files all cut their crops with
:func:`crop_image`, so that the scores of a test describe what prediction does.
"""
from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy import ndarray

from hourglass.datasets.person import PADDING
from hourglass.io.images import REDUCTIONS

_MOST = 2**15 - 2                       # px of a side, for cv2.warpAffine


def crop_image(image: ndarray | Piece, matrix: ndarray, input_size: tuple[int, int]) -> ndarray:
    """Cut a crop (h, w, 3) uint8 out of an image (H, W, 3), anti-aliased, black outside of it.

    A crop that is at least twice as large as the input, (w, h) px, is first averaged over squares
    of r x r px, where r is the largest power of two that keeps the input's resolution; then it is
    interpolated bilinearly. The authors' code reduces images before it crops, too (``img.lua``).
    The ``matrix`` (2, 3), from image px to input px, is made by :func:`crop_matrix`.
    """
    piece = image if isinstance(image, Piece) else Piece.of_image(image)
    shrinks_by = abs(float(np.linalg.det(piece.matrix_from(matrix)[:, :2])))**-0.5
    if shrinks_by >= 2 or max(piece.pixels.shape) > _MOST:
        # shrinks_by: px of the piece for a px of the input
        factor = max(1, 2**math.floor(math.log2(shrinks_by)))
        corners = np.multiply([[0, 0, 1, 1], [0, 1, 0, 1]], np.array(input_size)[:, None])
        corners_image = np.linalg.solve(matrix[:, :2], corners - matrix[:, 2:]).T
        reach = shrinks_by * math.hypot(*input_size) / 2 + 2 * factor
        piece = piece.around(corners_image.mean(0), reach * piece.reduction)    # of any rotation
        piece = piece.squares(corners_image, factor).reduced(factor)
    return cv2.warpAffine(piece.pixels, piece.matrix_from(matrix), input_size,
                          flags=cv2.INTER_LINEAR)


def crop_around(box: ndarray, image_size: tuple[int, int], padding: float = PADDING
                ) -> tuple[ndarray, float]:
    """Return the middle (2,) and the side, in 0-based image px, of the square crop around a person.

    Args:
        box: (4,) x1, y1, x2, y2 around the person in image px, from the image's corner:
            (0, 0, w, h) is the whole image.
        image_size: (w, h). A box of the whole image is no outline of a person, and gets no margin.
        padding: side of the square over the box's longer side.
    """
    middles, sides = crops_around(np.asarray(box, float)[None], np.array([image_size]), padding)
    return middles[0], float(sides[0])


def crops_around(boxes: ndarray, image_sizes: ndarray, padding: float = PADDING
                 ) -> tuple[ndarray, ndarray]:
    """Return middles (P, 2) and sides (P,), as :func:`crop_around`, of boxes (P, 4) at once."""
    low, high = boxes[:, :2], boxes[:, 2:4]
    whole = ((low <= 0) & (high >= image_sizes)).all(1)
    return (low + high) / 2 - 0.5, np.abs(high - low).max(1) * np.where(whole, 1, padding)


def crop_matrix(center: ndarray, scale: ndarray, degrees: float, input_size: tuple[int, int]
                ) -> ndarray:
    """Return the affine matrix (2, 3) float64 of mmpose's ``TopdownAffine``, image px to input px.

    Args:
        center: (2,) x, y in image px, 0-based; goes to half the input's size, (w, h) px.
        scale: (2,) sides of the crop in image px, in the input's proportion.
        degrees: rotation of the crop in the image.
    """
    angle = math.radians(degrees)
    zoom = input_size[0] / float(scale[0])
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    x, y = float(center[0]), float(center[1])
    return np.array([[cos, sin, input_size[0] / 2 - cos * x - sin * y],
                     [-sin, cos, input_size[1] / 2 + sin * x - cos * y]])


def fitted(sides: ndarray, input_size: tuple[int, int]) -> ndarray:
    """Lengthen the shorter of a crop's sides (w, h) to the input's proportion; (2,) float32."""
    width, height = input_size
    side = max(float(sides[0]), float(sides[1]) * width / height)
    return np.array([side, side * height / width], np.float32)


def fitted_image(image: ndarray, longer_side: int, multiple: int) -> tuple[ndarray, float]:
    """Resize a whole image (H, W, 3) to a longer side in px; return it, and the factor.

    Both sides are filled up with black, right and below, to a multiple.
    """
    size = np.array(image.shape[1::-1])
    zoom = longer_side / float(size.max())
    width, height = (-(-np.rint(size * zoom).clip(1) // multiple) * multiple).astype(int).tolist()
    matrix = np.array([[zoom, 0, (zoom - 1) / 2], [0, zoom, (zoom - 1) / 2]])
    return crop_image(image, matrix, (width, height)), zoom


def to_image(keypoints_input: ndarray, sample: Mapping) -> ndarray:
    """Convert keypoints (..., K, 2) from input px to image px, 0-based, as mmpose's estimator does.

    The ``sample`` has ``input_size`` (w, h), and the crop's ``input_center`` and ``input_scale``
    (sides) in image px.
    """
    scale = np.asarray(sample['input_scale'])
    return keypoints_input / sample['input_size'] * scale + sample['input_center'] - 0.5 * scale


@dataclass(frozen=True)
class Piece:
    """A part of an image, perhaps at a reduced size."""

    pixels: ndarray                     # (h, w, 3) uint8 BGR
    image_size: tuple[int, int]         # (w, h) of the whole image in image px
    reduction: int = 1                  # a power of two: side, in image px, of each pixel
    corner: tuple[int, int] = (0, 0)    # x, y of its corner, image px from the image's corner

    @classmethod
    def of_image(cls, image: ndarray) -> Piece:
        """Make a piece of a whole decoded image (H, W, 3)."""
        return cls(image, (image.shape[1], image.shape[0]))

    def around(self, center: ndarray, radius: float) -> Piece:
        """Return a view of the pixels within ``radius`` image px of ``center``.

        It has the neighbours needed to interpolate, too, and at least one pixel, even if the place
        lies outside.
        """
        middle = (np.asarray(center, float) + 0.5 - self.corner) / self.reduction - 0.5
        reach = radius / self.reduction + 2
        size = np.array(self.pixels.shape[1::-1])
        low = np.clip(np.floor(middle - reach).astype(int), 0, size - 1)
        high = np.clip(np.ceil(middle + reach).astype(int) + 1, low + 1, size)
        return self._part(low, high)

    def squares(self, points_image: ndarray, factor: int) -> Piece:
        """Return a view of the squares of ``factor`` x ``factor`` pixels that span points (P, 2).

        It has two more at each side, and at least one square.
        """
        places = (points_image + 0.5 - self.corner) / (self.reduction * factor)
        last = (np.array(self.pixels.shape[1::-1]) - 1) // factor
        low = np.clip(np.floor(places.min(0)).astype(int) - 2, 0, last)
        high = np.clip(np.ceil(places.max(0)).astype(int) + 2, low + 1, last + 1)
        return self._part(factor * low, factor * high)

    def _part(self, low: ndarray, high: ndarray) -> Piece:
        corner = np.add(self.corner, self.reduction * low).tolist()
        return replace(self, pixels=self.pixels[low[1]:high[1], low[0]:high[0]],
                       corner=(corner[0], corner[1]))

    def reduced(self, factor: int) -> Piece:
        """Average each ``factor`` x ``factor`` pixels."""
        height, width = self.pixels.shape[:2]
        whole = self.pixels
        if height % factor or width % factor:
            whole = cv2.copyMakeBorder(whole, 0, -height % factor, 0, -width % factor,
                                       cv2.BORDER_REPLICATE)
        small = cv2.resize(whole, (whole.shape[1] // factor, whole.shape[0] // factor),
                           interpolation=cv2.INTER_AREA)
        return replace(self, pixels=small, reduction=factor * self.reduction)

    def matrix_from(self, matrix: ndarray) -> ndarray:
        """Convert an affine matrix (2, 3) from image px to one from px of this piece."""
        r = self.reduction
        x, y = (corner + 0.5 * r - 0.5 for corner in self.corner)       # of pixels[0, 0], image px
        (a, b, c), (d, e, f) = matrix.tolist()
        return np.array([[a * r, b * r, a * x + b * y + c], [d * r, e * r, d * x + e * y + f]])


def reduction_for(scale: ndarray, input_size: tuple[int, int]) -> int:
    """Return by how much a JPEG's sides may be divided without a crop of fewer px than its input.

    The sides of the crop, ``scale`` (2,), are in image px, and ``input_size`` is (w, h) in px.
    """
    spare = min(float(scale[0]) / input_size[0], float(scale[1]) / input_size[1])
    return max((r for r in REDUCTIONS if r <= spare), default=1)


class PieceStore:
    """Pieces by key, until their pixels take ``megabytes`` MiB; then the content stays as it is.

    An epoch uses every person once: if the newest piece replaced the oldest, every piece would be
    gone before it is needed again.
    """

    def __init__(self, megabytes: float):
        self.room = int(megabytes * 2**20)
        self._pieces: dict[Hashable, Piece] = {}

    def get(self, key: Hashable) -> Piece | None:
        return self._pieces.get(key)

    def keep(self, key: Hashable, piece: Piece) -> None:
        """Keep a copy of the pixels, if there is room."""
        if piece.pixels.nbytes <= self.room:
            self.room -= piece.pixels.nbytes
            self._pieces[key] = replace(piece, pixels=piece.pixels.copy())
