"""An image under construction: shaded, patterned shapes, and how near each pixel's surface is.

Pixel coordinates are 0-based, x to the right and y down, with whole numbers at pixel centres.
Colours are BGR in 0..255. Depths grow towards the camera.
"""
from __future__ import annotations

import colorsys
from dataclasses import dataclass

import cv2
import numpy as np

Rng = np.random.Generator

_ANGLES = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack((np.cos(_ANGLES), np.sin(_ANGLES)), axis=1).astype(np.float32)
_SUBPIXEL_BITS = 4
_ROUNDNESS = 0.35                               # how much a shape darkens towards its sides

# patterns as weights of waves along a shape, waves across it, and blotches
_PLAIN, _RINGS, _STRIPES, _PLAID, _BLOTCHES = (
    (0, 0, 0), (2, 0, 0), (0, 2, 0), (1, 1, 0), (0, 0, 1))
_PATTERNS = (*8 * (_PLAIN,), _RINGS, _RINGS, _STRIPES, _PLAID, _PLAID, *3 * (_BLOTCHES,))


@dataclass(frozen=True)
class Material:
    """A surface of one colour (3,) or, with a pattern, of two."""

    colour: np.ndarray
    second: np.ndarray | tuple = (0, 0, 0)
    pattern: tuple[float, float, float] = _PLAIN
    period: float = 10.0                        # length of a wave in pixels


def random_colour(rng: Rng) -> np.ndarray:
    """Draw a colour (3,), grey or not, for clothes and backgrounds alike."""
    if rng.random() < 0.35:
        return np.clip(rng.uniform(15, 240) + rng.normal(0, 8, 3), 0, 255)
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.beta(1.6, 1.6), rng.uniform(40, 245)))


def random_material(rng: Rng, period: float) -> Material:
    """Draw a cloth or other surface whose pattern repeats about every ``period`` pixels."""
    return Material(random_colour(rng), random_colour(rng),
                    _PATTERNS[rng.integers(len(_PATTERNS))], float(period * rng.uniform(0.7, 1.5)))


def _noise(rng: Rng, height: int, width: int, cells: int) -> np.ndarray:
    """Smooth noise (height, width) float32 of about unit variance, ``cells`` waves across."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _mixed(first: np.ndarray, second: np.ndarray | tuple, share: np.ndarray | float,
           shade: np.ndarray | float = 1.0) -> np.ndarray:
    """Two colours (3,) mixed by the share (H, W) of the second one: (H, W, 3) float32."""
    steps = zip(np.asarray(first, np.float32),
                np.asarray(np.subtract(second, first), np.float32))
    return cv2.merge([(start + share * step) * shade for start, step in steps])


class Canvas:
    """A float image (H, W, 3) with a map of depths; ``rng`` decides light, folds and blotches."""

    BACKGROUND, FOREGROUND = -10.0, 10.0        # depths beyond every body

    def __init__(self, background: np.ndarray, rng: Rng) -> None:
        height, width, longer = *background.shape[:2], max(background.shape[:2])
        self.image = background.astype(np.float32)                              # (H, W, 3)
        self.depth = np.full((height, width), self.BACKGROUND, np.float32)      # of the top surface
        angle = rng.uniform(0, 2 * np.pi)
        self._light = 0.6 * float(np.cos(angle)), 0.6 * float(np.sin(angle))
        self._folds = 1 + 0.05 * (_noise(rng, height, width, longer // 8)
                                  + _noise(rng, height, width, longer // 3))
        self._blotches = 0.45 * _noise(rng, height, width, longer // 5) - 0.15

    def paint(self, centres: np.ndarray, radii: np.ndarray, depths: np.ndarray,
              material: Material) -> None:
        """Fill the convex hull of K discs, (K, 2) centres and (K,) radii in pixels.

        Shading, pattern and the (K,) depths follow the line from the first to the last disc.
        """
        centres, radii = np.asarray(centres, np.float32), np.asarray(radii, np.float32)
        rims = centres[:, None] + radii[:, None, None] * _CIRCLE
        outline = cv2.convexHull(rims.reshape(-1, 2))[:, 0]
        left, top = np.maximum(outline.min(0), 0).astype(int)
        right, bottom = np.minimum(outline.max(0) + 2, self.depth.shape[::-1]).astype(int)
        if left >= right or top >= bottom:
            return
        window = np.s_[top:bottom, left:right]
        mask = np.zeros((bottom - top, right - left), np.uint8)
        corners = np.round((outline - (left, top)) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillConvexPoly(mask, corners, (255,), cv2.LINE_AA, _SUBPIXEL_BITS)

        (x0, y0), (x1, y1) = centres[[0, -1]].tolist()
        length = max(float(np.hypot(x1 - x0, y1 - y0)), 1.0)
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        x = np.arange(left, right, dtype=np.float32) - x0
        y = np.arange(top, bottom, dtype=np.float32)[:, None] - y0
        along, across = x * dx + y * dy, y * dx - x * dy
        half_width = max(float(np.abs((outline - centres[0]) @ (-dy, dx)).max()), 1.0)
        side = across / half_width
        lit = side * (self._light[1] * dx - self._light[0] * dy)
        shade = (1 - _ROUNDNESS * (side * side - lit)) * self._folds[window]
        share: np.ndarray | float = 0.0
        if material.pattern != _PLAIN:
            rings, stripes, blotches = material.pattern
            pace = 2 * np.pi / material.period
            share = np.clip(0.5 + rings * np.sin(pace * along) + stripes * np.sin(pace * across)
                            + blotches * self._blotches[window], 0, 1)
        colour = _mixed(material.colour, material.second, share, shade)
        under, cover = self.image[window], mask / np.float32(255)
        under[...] = cv2.blendLinear(colour, under, cover, 1 - cover)
        depth = depths[0] + (depths[-1] - depths[0]) * np.clip(along / length, 0, 1)
        np.copyto(self.depth[window], depth, where=mask > 127)


def _surface(rng: Rng, height: int, width: int) -> np.ndarray:
    """Bricks, a gradient or clouds in two colours, (height, width, 3) float32."""
    if rng.random() < 0.35:
        tall, wide = rng.integers(9, 28), rng.integers(16, 50)
        y = np.arange(height)[:, None]
        x = np.arange(width) + wide // 2 * (y // tall % 2)  # every other row is shifted
        tones = rng.normal(0.8, 0.1, (height // tall + 1, width // wide + 2))
        share = tones[y // tall, x // wide] * ((y % tall > 1) & (x % wide > 1))
    else:
        detail = rng.choice((0, 1))
        share = 0.5 + 0.4 * _noise(rng, height, width, 2) + detail * sum(
            _noise(rng, height, width, cells) / weight for cells, weight in ((12, 5), (40, 8)))
    return _mixed(random_colour(rng), random_colour(rng), np.clip(share.astype(np.float32), 0, 1))


def random_background(rng: Rng, height: int, width: int) -> Canvas:
    """Draw a wall, at times a floor, and clutter that resembles limbs and clothes."""
    wall = _surface(rng, height, width)
    if rng.random() < 0.55:
        horizon = int(rng.uniform(0.45, 0.85) * height)
        wall[horizon:] = _surface(rng, height - horizon, width)
    canvas = Canvas(wall, rng)
    shorter = min(height, width)
    for _ in range(rng.integers(5, 20)):
        count = rng.integers(1, 5)              # one disc is a ball, two are a bar or a line
        centre, spread = rng.uniform((0, 0), (width, height)), shorter * rng.uniform(0.02, 0.2)
        centres = centre + spread * rng.uniform(-1, 1, (count, 2))
        radii = shorter * rng.uniform(0.004, 0.06) * rng.uniform(0.6, 1, count)
        canvas.paint(centres, radii, np.full(count, Canvas.BACKGROUND),
                     random_material(rng, 0.04 * shorter))
    return canvas
