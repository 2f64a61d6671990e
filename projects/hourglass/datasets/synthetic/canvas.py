"""A picture under construction: textured, shaded shapes and who covers each pixel.

Pixel coordinates are 0-based, x right and y down, with whole numbers at pixel centres.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

_SUBPIXEL_BITS = 4
_CIRCLE = np.stack([f(np.linspace(0, 2 * np.pi, 20, endpoint=False)) for f in (np.cos, np.sin)],
                   axis=1).astype(np.float32)

Rng = np.random.Generator


@dataclass(frozen=True)
class Material:
    """A surface: a BGR colour and, unless plain, a pattern in a second colour.

    Attributes:
        colour, second: BGR, each (3,) in 0..255.
        pattern: ``plain``, ``rings`` (across the part), ``stripes`` (along it), ``plaid`` or
            ``mottled``.
        period: length of one repeat of the pattern in pixels.
        roundness: how much the surface darkens towards its sides, 0..1.
    """

    colour: np.ndarray
    second: np.ndarray
    pattern: str = 'plain'
    period: float = 10.0
    roundness: float = 0.35

    def darker(self, factor: float) -> 'Material':
        """The same surface with its colours multiplied by the factor."""
        return replace(self, colour=self.colour * factor, second=self.second * factor)


def clamp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values limited to low..high, in place; on small arrays far quicker than ``np.clip``."""
    np.maximum(values, values.dtype.type(low), out=values)
    return np.minimum(values, values.dtype.type(high), out=values)


def random_colour(rng: Rng) -> np.ndarray:
    """A BGR colour (3,) in 0..255; clothes and scenery draw from this one distribution."""
    if rng.random() < 0.35:
        value = rng.uniform(15, 240)
        return np.clip(value + rng.normal(0, 8, 3), 0, 255)
    hue, saturation, value = rng.uniform(0, 6), rng.beta(1.6, 1.6), rng.uniform(40, 245)
    channels = np.abs((hue + np.array((2.0, 4.0, 0.0))) % 6 - 3) - 1
    return value * (1 - saturation * (1 - np.clip(channels, 0, 1)))


def random_material(rng: Rng, period: float, roundness: float = 0.35) -> 'Material':
    """A cloth or wall surface whose pattern repeats about every ``period`` pixels."""
    pattern = ('plain', 'rings', 'stripes', 'plaid', 'mottled')[
        rng.choice(5, p=(0.5, 0.13, 0.08, 0.12, 0.17))]
    return Material(random_colour(rng), random_colour(rng), pattern,
                    period * rng.uniform(0.7, 1.5), roundness)


def mixed(first: np.ndarray, second: np.ndarray, share: np.ndarray,
          shade: np.ndarray | float = 1.0) -> np.ndarray:
    """Two colours (3,) mixed by the share (H, W) of the second one: (H, W, 3) float32."""
    steps = zip(first.astype(np.float32), (second - first).astype(np.float32), strict=True)
    return cv2.merge([(start + share * step) * shade for start, step in steps])


def soft_noise(rng: Rng, height: int, width: int, cells: int) -> np.ndarray:
    """Smooth noise (height, width) float32, unit variance at the given number of cells across."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def hull(centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Convex outline (N, 2) float32 around discs: centres (K, 2) and radii (K,), in pixels."""
    rims = centres[:, None] + radii[:, None, None] * _CIRCLE
    return cv2.convexHull(rims.reshape(-1, 2).astype(np.float32))[:, 0]


class Canvas:
    """A float picture with a map of the part that covers each pixel.

    Attributes:
        image: (H, W, 3) float32 BGR in 0..255.
        owner: (H, W) uint8, number of the last part painted there, 0 for the background.
    """

    def __init__(self, background: np.ndarray, rng: Rng) -> None:
        """Start from a background (H, W, 3) uint8; the rng decides light and cloth folds."""
        height, width = background.shape[:2]
        self.image = background.astype(np.float32)
        self.owner = np.zeros((height, width), np.uint8)
        angle = rng.uniform(0, 2 * np.pi)
        self.light = 0.6 * np.array((np.cos(angle), np.sin(angle)))
        self._folds = 1 + 0.05 * (soft_noise(rng, height, width, max(height, width) // 8)
                                  + soft_noise(rng, height, width, max(height, width) // 3))
        self._blotches = clamp(
            0.35 + 0.45 * soft_noise(rng, height, width, max(height, width) // 5), 0, 1)

    def region(self, low: np.ndarray, high: np.ndarray) -> tuple[slice, slice] | None:
        """Rows and columns of the pixel box from low to high (x, y), or None if outside."""
        height, width = self.owner.shape
        x0, y0 = (max(0, int(value)) for value in np.floor(low))
        x1, y1 = np.minimum(np.ceil(high).astype(int) + 1, (width, height))
        return None if x0 >= x1 or y0 >= y1 else (slice(y0, y1), slice(x0, x1))

    def paint(self, outlines: Sequence[np.ndarray], material: Material, owner: int,
              axis: tuple[np.ndarray, np.ndarray]) -> None:
        """Fill the union of convex outlines with a shaded material.

        Args:
            outlines: each (N, 2), pixels.
            material: what to fill with.
            owner: number written to the owner map.
            axis: the two ends (2,) of the line that shading and pattern follow.
        """
        points = np.concatenate(outlines)
        where = self.region(points.min(0) - 1, points.max(0) + 1)
        if where is None:
            return
        rows, columns = where
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        corner = np.array((columns.start, rows.start))
        for outline in outlines:
            fixed = np.round((outline - corner) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
            cv2.fillConvexPoly(mask, fixed, 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        colour = self._shaded(points, material, axis, rows, columns)
        self.blend(rows, columns, colour, mask, owner)

    def blend(self, rows: slice, columns: slice, colour: np.ndarray, mask: np.ndarray,
              owner: int) -> None:
        """Lay colour (h, w, 3) float32 through a mask (h, w) uint8 and claim its pixels."""
        under, share = self.image[rows, columns], mask * np.float32(1 / 255)
        under[...] = cv2.blendLinear(colour, under, share, 1 - share)
        self.owner[rows, columns][mask > 127] = owner

    def _shaded(self, points: np.ndarray, material: Material,
                axis: tuple[np.ndarray, np.ndarray], rows: slice, columns: slice) -> np.ndarray:
        """Colour (h, w, 3) of the region: pattern, folds, light from a side, darker rims."""
        start, end = axis
        length = max(float(np.hypot(*(end - start))), 1e-3)
        along = (end - start) / length if length > 1 else np.array((0.0, 1.0))
        across = np.array((-along[1], along[0]))
        x = np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(start[0])
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - np.float32(start[1])
        u = x * np.float32(along[0]) + y * np.float32(along[1])
        v = x * np.float32(across[0]) + y * np.float32(across[1])
        half = max(float(np.abs((points - start) @ across).max()), 1.0)
        side = clamp(v * np.float32(1 / half), -1, 1)
        shade = 1 - np.float32(material.roundness) * (
            side * side - np.float32(across @ self.light) * side)
        shade *= self._folds[rows, columns]
        mix = self._mix(material, u, v, rows, columns)
        if mix is None:
            return cv2.merge([shade * channel for channel in material.colour.astype(np.float32)])
        return mixed(material.colour, material.second, mix, shade)

    def _mix(self, material: Material, u: np.ndarray, v: np.ndarray, rows: slice,
             columns: slice) -> np.ndarray | None:
        """Share (h, w) of the second colour, or None for a plain material."""
        pace = np.float32(2 * np.pi / material.period)
        if material.pattern == 'plain':
            return None
        if material.pattern == 'rings':
            return clamp(0.5 + 2 * np.sin(u * pace), 0, 1)
        if material.pattern == 'stripes':
            return clamp(0.5 + 2 * np.sin(v * pace), 0, 1)
        if material.pattern == 'plaid':
            return (np.float32(0.5) * (np.sin(u * pace) > 0.3)
                    + np.float32(0.35) * (np.sin(v * pace) > 0.3))
        return self._blotches[rows, columns]
