"""Decoded pieces of images, which crops are cut from, and a bounded store of them."""
from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy import ndarray

from hourglass.io.images import REDUCTIONS


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
        """Return a view of the pixels within ``radius`` image px of ``center``, and the neighbours
        needed to interpolate: at least one pixel, even if the place lies outside."""
        middle = (np.asarray(center, float) + 0.5 - self.corner) / self.reduction - 0.5
        reach = radius / self.reduction + 2
        size = np.array(self.pixels.shape[1::-1])
        low = np.clip(np.floor(middle - reach).astype(int), 0, size - 1)
        high = np.clip(np.ceil(middle + reach).astype(int) + 1, low + 1, size)
        corner = np.add(self.corner, self.reduction * low).tolist()
        return replace(self, pixels=self.pixels[low[1]:high[1], low[0]:high[0]],
                       corner=(corner[0], corner[1]))

    def reduced(self, factor: int) -> Piece:
        """Average each ``factor`` x ``factor`` pixels."""
        height, width = self.pixels.shape[:2]
        whole = cv2.copyMakeBorder(self.pixels, 0, -height % factor, 0, -width % factor,
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
