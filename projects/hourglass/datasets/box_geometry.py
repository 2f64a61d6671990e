"""Boxes of people: overlap, suppression, boxes around joints, and whether a box is usable.

Boxes (P, 4 or more columns) are x1, y1, x2, y2 in image px from the image's corner.
"""
from __future__ import annotations

import numpy as np
from numpy import ndarray


def overlaps(box: ndarray, boxes: ndarray) -> ndarray:
    """Return the intersection over union (P,) of a box (4,) with others (P, 4 or more columns)."""
    sides = np.minimum(boxes[:, 2:4], box[2:4]) - np.maximum(boxes[:, :2], box[:2])
    shared = sides.clip(0).prod(1)
    return shared / ((boxes[:, 2:4] - boxes[:, :2]).prod(1) + np.prod(box[2:4] - box[:2]) - shared)


def suppressed(boxes: ndarray, overlap: float) -> ndarray:
    """Return boxes (P, 5), best first, without those that overlap a better one by more."""
    left, kept = boxes[np.argsort(-boxes[:, 4], kind='stable')], []
    while len(left):
        kept.append(left[0])
        left = left[1:][overlaps(left[0], left[1:]) <= overlap]
    return np.reshape(kept, (-1, 5))


def has_extent(joints_image: ndarray) -> bool:
    """Return whether a person's annotated joints (K, 2) span an area, as a box needs."""
    joints = joints_image[np.isfinite(joints_image).all(-1)]
    return len(joints) > 1 and bool((np.ptp(joints, axis=0) > 0).all())


def is_usable(box: ndarray, joints_image: ndarray) -> bool:
    """Return whether a box is usable for a person with these annotated joints (K, 2).

    It contains 90 % of them, and has at most three times the area of the box around them. Joints
    that span no area have no usable box.
    """
    if not has_extent(joints_image):
        return False
    joints = joints_image[~np.isnan(joints_image).any(-1)]
    inside = ((joints >= box[:2] - 0.5) & (joints <= box[2:4] - 0.5)).all(-1)
    return inside.mean() >= 0.9 and np.prod(box[2:4] - box[:2]) <= 3 * np.prod(
        np.ptp(joints, axis=0))


def box_around(joints_image: ndarray, margin: float = 0.08) -> ndarray:
    """Return the box (4,) around joints (K, 2) in 0-based image px; NaN joints are ignored.

    ``margin`` is added on each side, in units of the longer side, as joints lie inside the body;
    its default is our choice.
    """
    low, high = np.nanmin(joints_image, axis=0), np.nanmax(joints_image, axis=0)
    wider = margin * (high - low).max()
    return np.r_[low - wider, high + wider] + 0.5
