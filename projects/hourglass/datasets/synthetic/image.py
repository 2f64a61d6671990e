"""One image of one annotated person: camera, scenery, and the record that goes with it."""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from hourglass.datasets.person import PX_PER_SCALE
from hourglass.datasets.synthetic.canvas import Canvas, Rng, random_background, random_material
from hourglass.datasets.synthetic.figure import View, draw_figure, head_box
from hourglass.datasets.synthetic.skeleton import JOINTS, Skeleton, sample_skeleton

SMALLEST_SIDE = 64                      # pixels; smaller images cannot show a person
_TRUNCATED_SHARE = 0.13
_SECOND_PERSON_SHARE = 0.20
_OCCLUDER_SHARE = 0.28

# A surface nearer to the camera than a joint by this much (statures) occludes it; the joints of
# trunk and head lie deeper in the body.
_COVER = np.where([name.startswith(('r_', 'l_')) for name in JOINTS], 0.03, 0.06)


def _frame_person(rng: Rng, skeleton: Skeleton, width: int, height: int) -> View:
    """A camera that shows the whole person or, at times, cuts some of it off at one side."""
    size, distance = np.array((width, height)), rng.uniform(3.5, 9)
    pixels = View(1.0, distance, np.zeros(2)).pixels(np.stack(list(skeleton.points.values())))
    low, high = pixels.min(0) - 0.025, pixels.max(0) + 0.025
    truncated = rng.random() < _TRUNCATED_SHARE
    scale = height * rng.uniform(0.75 if truncated else 0.55, 0.95)
    scale = min(scale, 0.98 * (size / (high - low)).min())
    extent = scale * (high - low)
    corner = (size - extent) * rng.beta(2.5, 2.5, 2)
    if truncated:
        axis = rng.choice(2, p=(0.4, 0.6))
        over = rng.uniform(0.05, 0.2) * extent[axis]
        beyond_end = rng.random() < (0.5, 0.83)[axis]       # feet are cut off more than heads
        corner[axis] = size[axis] - extent[axis] + over if beyond_end else -over
    return View(scale, distance, corner - scale * low)


def _draw_second_person(rng: Rng, canvas: Canvas, view: View, in_front: bool) -> None:
    """Another person beside the first: smaller behind it, or at a side in front of it."""
    height, width = canvas.depth.shape
    apart = rng.uniform(0.32, 0.6) * view.scale * (1 if view.origin[0] < width / 2 else -1)
    origin = view.origin + np.array((apart, rng.uniform(-0.12, 0.12) * height))
    scale = view.scale * (rng.uniform(0.85, 1.1) if in_front else rng.uniform(0.5, 0.95))
    draw_figure(rng, canvas, sample_skeleton(rng), View(scale, view.distance, origin),
                depth=canvas.FOREGROUND if in_front else canvas.BACKGROUND)


def _draw_occluder(rng: Rng, canvas: Canvas, view: View) -> None:
    """A post or bar in front of some part of the person, mostly low or at a side."""
    centre = view.origin + view.scale * rng.normal((0, 0.12), (0.16, 0.22))
    angle = np.radians(rng.normal(rng.choice((0, 90)), 25))
    half = view.scale * rng.uniform(0.03, 0.20) * np.array((np.cos(angle), np.sin(angle)))
    radii = np.full(2, view.scale * rng.uniform(0.03, 0.07))
    canvas.paint(np.stack((centre - half, centre + half)), radii, np.full(2, canvas.FOREGROUND),
                 random_material(rng, 0.05 * view.scale))


def _photograph(rng: Rng, image: np.ndarray) -> np.ndarray:
    """What a camera makes of an image (H, W, 3) float32: exposure, blur and noise, as uint8."""
    tint, contrast = rng.normal(1, 0.05, 3) * rng.uniform(0.8, 1.2), rng.uniform(0.75, 1.15)
    image = (contrast * image + 118 * (1 - contrast)) * tint.astype(np.float32)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (5, 5), rng.uniform(0.3, 1.1))
    grain = abs(rng.normal(0, 4)) * rng.standard_normal(image.shape[:2], dtype=np.float32)
    return cv2.add(image, cv2.cvtColor(grain, cv2.COLOR_GRAY2BGR), dtype=cv2.CV_8U)


def _annotate(canvas: Canvas, skeleton: Skeleton, view: View) -> dict[str, Any]:
    """The record of the person: MPII field names and conventions, 1-based pixels.

    ``center`` and ``scale`` describe the box of the joints inside the image, the scale being the
    longer side of it in units of 200 pixels.
    """
    body = skeleton.joints()
    joints = view.pixels(body)
    inside = ((joints >= 0) & (joints <= np.subtract(canvas.depth.shape[::-1], 1))).all(1)
    x, y = np.round(joints[inside]).astype(int).T
    occluded = np.zeros(len(JOINTS), int)
    occluded[inside] = canvas.depth[y, x] > (body[:, 2] + _COVER)[inside]
    low, high = joints[inside].min(0), joints[inside].max(0)
    shown = np.where(inside[:, None], joints + 1, 0)
    return {
        'center': np.round((low + high) / 2 + 1, 2).tolist(),
        'scale': round(float((high - low).max()) / PX_PER_SCALE, 4),
        'joints': np.round(shown, 2).tolist(),
        'joints_vis': inside.astype(int).tolist(),
        'joints_occluded': occluded.tolist(),
        'head_box': np.round(head_box(skeleton, view) + 1, 2).tolist(),
    }


def render_person(seed: int | tuple[int, ...], size: tuple[int, int] = (160, 160)
                  ) -> tuple[np.ndarray, dict[str, Any]]:
    """Draw one image of one annotated person, the same for the same arguments.

    Args:
        seed: a whole number or several, none negative; each value is an image of its own.
        size: width and height in pixels, each at least ``SMALLEST_SIDE``.

    Returns:
        The image (H, W, 3) uint8 BGR, and its record without the file name: ``center``, ``scale``,
        ``joints`` (16 x 2), ``joints_vis``, ``joints_occluded`` and ``head_box``. Coordinates are
        1-based; a joint outside the image is [0, 0] with ``joints_vis`` 0.
    """
    width, height = size
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    skeleton = sample_skeleton(rng)
    view = _frame_person(rng, skeleton, width, height)
    canvas = random_background(rng, height, width)
    second_person, in_front = rng.random() < _SECOND_PERSON_SHARE, rng.random() < 0.4
    if second_person and not in_front:
        _draw_second_person(rng, canvas, view, in_front)
    draw_figure(rng, canvas, skeleton, view)
    if second_person and in_front:
        _draw_second_person(rng, canvas, view, in_front)
    if rng.random() < _OCCLUDER_SHARE:
        _draw_occluder(rng, canvas, view)
    return _photograph(rng, canvas.image), _annotate(canvas, skeleton, view)
