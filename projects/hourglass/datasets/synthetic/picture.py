"""One picture of one annotated person: pose, camera, scenery, and the record that goes with it."""

from typing import Any

import cv2
import numpy as np

from .background import paint_background
from .canvas import Canvas, Rng, hull, random_material
from .figure import STRANGER, View, draw_figure, occluded_joints, sample_outfit
from .head import RADII
from .poses import Pose, sample_pose
from .skeleton import HEAD, Skeleton, build_skeleton, rotation, sample_build

SMALLEST_SIDE = 64
"""Pictures smaller than this (pixels) cannot show a person."""

_TRUNCATED_SHARE = 0.13
_SECOND_PERSON_SHARE = 0.20
_OCCLUDER_SHARE = 0.28


def _sample_person(rng: Rng) -> tuple[Pose, Skeleton]:
    """A posed body as some camera sees it.

    Six in ten show their front and two in ten their back, as MPII's validation people do (0.62 and
    0.18 of the upright ones, by the order and distance of their shoulders).
    """
    facing = rng.normal(0, 40) if rng.random() < 0.55 else rng.uniform(-180, 180)
    root = (rotation('z', rng.normal(0, 3)) @ rotation('x', rng.normal(6, 6))
            @ rotation('y', facing))
    pose = sample_pose(rng)
    return pose, build_skeleton(pose, root, sample_build(rng))


def _extent(skeleton: Skeleton, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Pixel box of a whole body, low (2,) and high (2,), hands and feet included."""
    points = np.stack(list(skeleton.points.values()))
    pixels, margin = view.pixels(points), 0.025 * view.scale
    return pixels.min(0) - margin, pixels.max(0) + margin


def _frame_person(rng: Rng, skeleton: Skeleton, width: int, height: int) -> View:
    """A camera that shows the whole person or, at times, cuts some of it off at one side."""
    size, distance = np.array((width, height)), rng.uniform(3.5, 9)
    low, high = _extent(skeleton, View(1.0, distance, np.zeros(2)))
    scale = height * rng.uniform(0.55, 0.95)
    truncated = rng.random() < _TRUNCATED_SHARE
    if truncated:
        scale = max(scale, 0.75 * height)
    scale = min(scale, 0.98 * float((size / (high - low)).min()))
    slack = size - scale * (high - low)
    corner = slack * rng.beta(2.5, 2.5, 2)
    if truncated:
        over = scale * (high - low) * rng.uniform(0.05, 0.2, 2)
        side = rng.choice(4, p=(0.5, 0.2, 0.2, 0.1))
        corner[0 if side in (1, 2) else 1] = (
            slack[1] + over[1], slack[0] + over[0], -over[0], -over[1])[side]
    return View(scale, distance, corner - scale * low)


def _draw_stranger(rng: Rng, canvas: Canvas, view: View, in_front: bool) -> None:
    """A second person beside the first: smaller behind it, or at a side in front of it."""
    height, width = canvas.owner.shape
    _, skeleton = _sample_person(rng)
    scale = view.scale * (rng.uniform(0.85, 1.1) if in_front else rng.uniform(0.5, 0.95))
    apart = rng.uniform(0.32, 0.6) * view.scale * (1 if view.origin[0] < width / 2 else -1)
    origin = view.origin + np.array((apart, rng.uniform(-0.12, 0.12) * height))
    other = View(scale, view.distance, origin)
    draw_figure(canvas, skeleton, other, sample_outfit(rng, scale), STRANGER if in_front else 0)


def _draw_seat(rng: Rng, canvas: Canvas, skeleton: Skeleton, view: View) -> None:
    """A block under a seated person, painted before the person."""
    at = skeleton.points
    floor = min(at['r_heel'][1], at['l_heel'][1])
    half = rng.uniform(0.10, 0.16)
    top = at['pelvis'] - (0, 0.075, 0)
    bottom = np.array((top[0], floor, top[2]))
    corners = np.stack([end + np.array((x, 0, -0.04))
                        for end in (top, bottom) for x in (-half, half)])
    outline = hull(view.pixels(corners), np.full(4, 0.012) * view.scale)
    canvas.paint([outline], random_material(rng, 0.05 * view.scale, 0.1), 0,
                 (view.pixels(top), view.pixels(bottom)))


def _draw_occluder(rng: Rng, canvas: Canvas, view: View) -> None:
    """A post, box or ball in front of some part of the person, mostly low or at a side."""
    centre = view.origin + view.scale * rng.normal((0, 0.12), (0.16, 0.22))
    angle = np.radians(rng.normal(90, 25) if rng.random() < 0.5 else rng.normal(0, 25))
    half = view.scale * rng.uniform(0.03, 0.20) * np.array((np.cos(angle), np.sin(angle)))
    radii = np.full(2, view.scale * rng.uniform(0.03, 0.07))
    canvas.paint([hull(np.stack((centre - half, centre + half)), radii)],
                 random_material(rng, 0.05 * view.scale), STRANGER,
                 (centre - half, centre + half))


def _grain(rng: Rng, height: int, width: int) -> np.ndarray:
    """Noise (H, W) float32 of unit variance; a sum of two bytes is drawn faster than a normal."""
    dice = np.frombuffer(rng.bytes(2 * height * width), np.uint8).reshape(2, height, width)
    return (dice[0].astype(np.float32) + dice[1] - np.float32(255)) * np.float32(1 / 104.5)


def _photograph(rng: Rng, canvas: Canvas) -> np.ndarray:
    """What a camera makes of the canvas, (H, W, 3) uint8: exposure, blur and noise."""
    tint = rng.normal(1, 0.05, 3) * rng.uniform(0.8, 1.2)
    contrast, middle = rng.uniform(0.75, 1.15), 118.0
    gains = np.column_stack((contrast * np.diag(tint), (1 - contrast) * middle * tint))
    image = cv2.transform(canvas.image, gains)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (5, 5), rng.uniform(0.3, 1.1))
    grain = _grain(rng, *image.shape[:2]) * np.float32(abs(rng.normal(0, 4)))
    return cv2.add(image, cv2.cvtColor(grain, cv2.COLOR_GRAY2BGR), dtype=cv2.CV_8U)


def _head_box(skeleton: Skeleton, view: View) -> np.ndarray:
    """Tight box [x1, y1, x2, y2] (0-based) of the head from upper neck to head top.

    It bounds the drawn head and both joints and nothing more, so that 0.6 of its diagonal, the
    unit of PCKh, is somewhat shorter than the head, as in MPII.
    """
    build, frame, at = skeleton.build, skeleton.head, skeleton.points
    centre = at['upper_neck'] + frame @ (0, 0.5 * HEAD * build.head, 0.006)
    half = np.sqrt(((frame * RADII * build.head)[:2] ** 2).sum(1)) * view.scales(centre)
    middle = view.pixels(centre)
    ends = view.pixels(np.stack((at['upper_neck'], at['head_top'])))
    corners = np.concatenate((ends, [middle - half, middle + half]))
    return np.concatenate((corners.min(0), corners.max(0)))


def _annotate(canvas: Canvas, skeleton: Skeleton, view: View) -> dict[str, Any]:
    """The record of the person: MPII field names and conventions, 1-based pixels.

    ``center`` and ``scale`` describe the box of the joints inside the picture, the scale being
    the longer side of it in units of 200 pixels.
    """
    height, width = canvas.owner.shape
    joints = view.pixels(skeleton.joints())
    inside = ((joints >= 0) & (joints <= (width - 1, height - 1))).all(1)
    hidden = occluded_joints(canvas, skeleton, view) & inside
    low, high = joints[inside].min(0), joints[inside].max(0)
    shown = np.where(inside[:, None], joints + 1, 0)
    return {
        'center': np.round((low + high) / 2 + 1, 2).tolist(),
        'scale': round(float((high - low).max()) / 200, 4),
        'joints': np.round(shown, 2).tolist(),
        'joints_vis': inside.astype(int).tolist(),
        'joints_occluded': hidden.astype(int).tolist(),
        'head_box': np.round(_head_box(skeleton, view) + 1, 2).tolist(),
    }


def render_person(seed: int | tuple[int, ...], size: tuple[int, int] = (160, 160)
                          ) -> tuple[np.ndarray, dict[str, Any]]:
    """Draw one picture of one annotated person, the same for the same arguments.

    Args:
        seed: a whole number or several, none negative; each value is a picture of its own.
        size: width and height in pixels, each at least ``SMALLEST_SIDE``.

    Returns:
        The picture (H, W, 3) uint8 BGR, and its record without the file name: ``center``,
        ``scale``, ``joints`` (16 x 2), ``joints_vis``, ``joints_occluded`` and ``head_box``.
        Coordinates are 1-based; a joint outside the picture is [0, 0] with ``joints_vis`` 0.
    """
    width, height = size
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    pose, skeleton = _sample_person(rng)
    view = _frame_person(rng, skeleton, width, height)
    outfit = sample_outfit(rng, view.scale)
    company = rng.random() < _SECOND_PERSON_SHARE
    in_front = company and rng.random() < 0.4
    canvas = paint_background(rng, height, width)
    if company and not in_front:
        _draw_stranger(rng, canvas, view, in_front=False)
    if pose.seated:
        _draw_seat(rng, canvas, skeleton, view)
    draw_figure(canvas, skeleton, view, outfit)
    if in_front:
        _draw_stranger(rng, canvas, view, in_front=True)
    if rng.random() < _OCCLUDER_SHARE:
        _draw_occluder(rng, canvas, view)
    return _photograph(rng, canvas), _annotate(canvas, skeleton, view)
