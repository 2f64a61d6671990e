"""Decoded pieces of images, which crops are cut from, and a bounded store of them."""
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from hourglass.io.images import REDUCTIONS, ImageFile


@dataclass
class Piece:
    """A part of an image, perhaps decoded smaller.

    Attributes:
        pixels: (h, w, 3) uint8 BGR; each covers ``reduction`` x ``reduction`` px of the image.
        image_size: (w, h) of the whole image in image px.
        reduction: 1, 2, 4 or 8.
        corner: x, y of ``pixels[0, 0]`` in the whole reduced image.
    """

    pixels: ndarray
    image_size: tuple[int, int]
    reduction: int = 1
    corner: tuple[int, int] = (0, 0)

    @classmethod
    def of_file(cls, path: str, scale: ndarray, input_size: tuple[int, int]) -> 'Piece':
        """A whole image, as small as it may be for a crop to keep its input's resolution.

        Args:
            scale: (2,) sides of the crop in image px.
            input_size: (w, h) of the input in px.
        """
        file = ImageFile(path)
        pixels, reduction = file.decode(reduction_for(scale, input_size))
        return cls(pixels, file.size, reduction)

    def around(self, center: ndarray, radius: float) -> 'Piece':
        """What lies within ``radius`` image px of ``center``, and the neighbours that interpolating
        takes; a view. At least one pixel, where nothing does."""
        middle = (np.asarray(center, float) + 0.5) / self.reduction - 0.5
        reach = radius / self.reduction + 2
        low = np.floor(middle - reach).astype(int)
        high = np.ceil(middle + reach).astype(int) + 1
        size = np.array(self.pixels.shape[1::-1])
        low = np.clip(low, 0, size - 1)
        high = np.clip(high, low + 1, size)
        return Piece(self.pixels[low[1]:high[1], low[0]:high[0]], self.image_size,
                     self.reduction, tuple(np.add(self.corner, low).tolist()))

    def matrix_from(self, matrix: ndarray) -> ndarray:
        """An affine (2, 3) from image px as one from px of this piece."""
        r = self.reduction
        x, y = (r * (corner + 0.5) - 0.5 for corner in self.corner)     # of pixels[0, 0], image px
        (a, b, c), (d, e, f) = matrix.tolist()
        return np.array([[a * r, b * r, a * x + b * y + c], [d * r, e * r, d * x + e * y + f]])


def reduction_for(scale: ndarray, input_size: tuple[int, int]) -> int:
    """The most that an image's sides may be divided by before a crop has fewer px than its input.

    Args:
        scale: (2,) sides of the crop in image px.
        input_size: (w, h) of the input in px.
    """
    spare = min(float(scale[0]) / input_size[0], float(scale[1]) / input_size[1])
    return max((r for r in REDUCTIONS if r <= spare), default=1)


class PieceStore:
    """Pieces by key, until a bound; what is in stays in.

    An epoch that is larger than the bound passes over everybody once: were the oldest to leave, all
    would have left before they come again.

    Args:
        megabytes: bound on the pixels, in MiB.
    """

    def __init__(self, megabytes: float):
        self.room = int(megabytes * 2**20)
        self._pieces: dict[Hashable, Piece] = {}

    def get(self, key: Hashable) -> Piece | None:
        return self._pieces.get(key)

    def keep(self, key: Hashable, piece: Piece) -> None:
        """Keep a copy of the piece's pixels, where there is room."""
        if piece.pixels.nbytes <= self.room:
            self.room -= piece.pixels.nbytes
            self._pieces[key] = Piece(piece.pixels.copy(), piece.image_size, piece.reduction,
                                      piece.corner)
