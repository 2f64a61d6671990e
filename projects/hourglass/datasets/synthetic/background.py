"""Cluttered backgrounds in the same colours and patterns as the clothes."""

import cv2
import numpy as np

from .canvas import Canvas, Rng, clamp, hull, mixed, random_colour, random_material, soft_noise


def _gradient(rng: Rng, height: int, width: int) -> np.ndarray:
    """A change from one colour to another in a random direction, (H, W, 3) float32."""
    angle = rng.uniform(0, 2 * np.pi)
    x = 0.7 * np.cos(angle) * np.linspace(-0.5, 0.5, width)
    y = 0.7 * np.sin(angle) * np.linspace(-0.5, 0.5, height)
    share = 0.5 + y.astype(np.float32)[:, None] + x.astype(np.float32)
    return mixed(random_colour(rng), random_colour(rng), share)


def _clouds(rng: Rng, height: int, width: int) -> np.ndarray:
    """Two colours mixed by noise of several scales, (H, W, 3) float32."""
    noise = sum(soft_noise(rng, height, width, cells) / weight
                for cells, weight in ((4, 1.5), (12, 2.5), (40, 4.0)))
    return mixed(random_colour(rng), random_colour(rng), clamp(0.5 + 0.5 * noise, 0, 1))


def _bricks(rng: Rng, height: int, width: int) -> np.ndarray:
    """A wall of bricks or tiles, (H, W, 3) float32."""
    tall, wide = rng.integers(9, 28), rng.integers(16, 50)
    row, x = np.arange(height) // tall, np.arange(width)
    courses = np.stack((x, x + wide // 2))  # every other course is shifted by half a brick
    tone = rng.normal(1, 0.10, (height // tall + 1, width // wide + 2)).astype(np.float32)
    bricks = tone[row[:, None], (courses // wide)[row % 2]]
    wall = mixed(np.zeros(3), random_colour(rng), bricks)
    joint = (np.arange(height)[:, None] % tall < 2) | (courses % wide < 2)[row % 2]
    wall[joint] = random_colour(rng)
    return wall


_SURFACES = (_gradient, _clouds, _bricks)


def _add_floor(rng: Rng, wall: np.ndarray) -> None:
    """Replace the lower part of a wall by a floor, at times with boards towards the horizon."""
    height, width = wall.shape[:2]
    horizon = int(rng.uniform(0.45, 0.85) * height)
    wall[horizon:] = _SURFACES[rng.integers(2)](rng, height - horizon, width)
    if rng.random() < 0.4:
        colour = tuple(random_colour(rng).tolist())
        vanishing = int(rng.uniform(0.2, 0.8) * width)
        for x in range(-2 * width, 3 * width, int(rng.integers(24, 60))):
            near = (x, height)
            far = (vanishing + (x - vanishing) // 4, horizon)
            cv2.line(wall, far, near, colour, 1)


def _add_clutter(rng: Rng, picture: np.ndarray) -> None:
    """Draw flat boxes, discs, polygons and lines on a picture (H, W, 3) uint8."""
    height, width = picture.shape[:2]
    reach = min(height, width)
    for _ in range(rng.integers(3, 14)):
        colour = tuple(random_colour(rng).tolist())
        centre = rng.uniform((0, 0), (width, height))
        extent = reach * rng.uniform(0.02, 0.22, 2)
        kind = rng.integers(4)
        low, high = (tuple((centre + sign * extent).astype(int).tolist()) for sign in (-1, 1))
        if kind == 0:
            cv2.rectangle(picture, low, high, colour, -1 if rng.random() < 0.7 else 2)
        elif kind == 1:
            cv2.ellipse(picture, (tuple(centre.tolist()), tuple((2 * extent).tolist()),
                                  rng.uniform(0, 180)), colour, -1, cv2.LINE_AA)
        elif kind == 2:
            corners = centre + 2 * extent * rng.uniform(-1, 1, (int(rng.integers(3, 6)), 2))
            cv2.fillPoly(picture, [corners.astype(np.int32)], colour, cv2.LINE_AA)
        else:
            cv2.line(picture, low, high, colour, int(rng.integers(1, 4)), cv2.LINE_AA)


def _add_bars(rng: Rng, canvas: Canvas) -> None:
    """Paint things shaded like limbs and heads, in the colours and patterns of clothes."""
    height, width = canvas.owner.shape
    reach = min(height, width)
    for _ in range(rng.integers(2, 8)):
        start = rng.uniform((0, 0), (width, height))
        angle = rng.uniform(0, 2 * np.pi)
        length = reach * rng.uniform(0.02, 0.35)
        end = start + length * np.array((np.cos(angle), np.sin(angle)))
        radii = reach * rng.uniform(0.012, 0.06) * rng.uniform(0.6, 1, 2)
        material = random_material(rng, 0.04 * reach)
        canvas.paint([hull(np.stack((start, end)), radii)], material, 0, (start, end))


def paint_background(rng: Rng, height: int, width: int) -> Canvas:
    """A canvas with a wall or a landscape and clutter of random density."""
    wall = _SURFACES[rng.integers(3)](rng, height, width)
    if rng.random() < 0.55:
        _add_floor(rng, wall)
    picture = np.clip(wall, 0, 255).astype(np.uint8)
    _add_clutter(rng, picture)
    canvas = Canvas(picture, rng)
    _add_bars(rng, canvas)
    return canvas
