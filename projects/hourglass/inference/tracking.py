"""Who is who in the frames of a video, and smoother boxes and keypoints."""
from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import numpy as np
from numpy import ndarray

from hourglass.datasets.box_geometry import overlaps
from hourglass.errors import DataError
from hourglass.inference.places import have_area
from hourglass.inference.predict import Poses

_BOXES = 0.4, 1.5, False                # cutoff, slope, together; chosen, as those of keypoints, on
                                        # eight of LSP's training people
_BEHIND = 0.1                           # sizes: so far may a smoothed box be from the person's
_NEAR = 0.2                             # overlap of a person's boxes in two frames, at least


class OneEuro:
    """Smooths points that are measured one time after another.

    This is the 1-Euro filter (Casiez, Roussel and Vogel, CHI 2012): a low-pass filter whose cutoff
    frequency grows with the speed of a point, so that a point at rest is steady and a fast one is
    followed. It differs in three ways. The speed is the median of the last five, in which a jump
    there and back is none, as heatmaps may have two peaks of nearly the same height. A low score
    lowers the cutoff. And points that move ``together`` move on with the median of their speeds,
    so that a person who walks, or a camera that pans, leaves none behind.

    Args:
        cutoff: frequency in Hz for a point at rest.
        slope: Hz by which it grows for a speed of one size a second.
        together: for many points of one person; the speed of two is not sure enough.

    ``time`` is that of the last measurement, in s.
    """

    def __init__(self, cutoff: float = 1.0, slope: float = 4.0, together: bool = True):
        self.cutoff, self.slope, self.together = cutoff, slope, together
        self.time = 0.0
        self._smooth = self._measured = self._speed = np.zeros((0, 2))
        self._speeds: deque[ndarray] = deque(maxlen=5)      # (N, 2), units of the points a second

    def __call__(self, points: ndarray, time: float, size: float, scores: ndarray | float = 1.0
                 ) -> ndarray:
        """Return points (N, 2), smoothed.

        Args:
            points: as measured; the first ones are returned as they are.
            time: s, which increases.
            size: of the person, in units of the points.
            scores: (N,), about 1 where a point is sure.
        """
        if not len(self._smooth):
            smooth, self._speed = points, np.zeros_like(points)
            self._speeds.extend([self._speed] * 5)
        else:
            seconds = time - self.time
            self._speeds.append((points - self._measured) / seconds)
            self._speed = self._speed + _share(np.ones(1), seconds) * (
                np.median(self._speeds, axis=0) - self._speed)
            speed = np.linalg.norm(self._speed, axis=-1) / size                         # (N,)
            share = _share((self.cutoff + self.slope * speed) * np.clip(scores, 0.05, 1), seconds)
            moved = self._smooth + self.together * np.median(self._speed, axis=0) * seconds
            smooth = moved + share[:, None] * (points - moved)
        self._smooth, self._measured, self.time = smooth, points, time
        return smooth

    def expected(self, time: float) -> ndarray:
        """Return where the points (N, 2) will be if they keep their speed."""
        return self._measured + self._speed * (time - self.time)


class Tracker:
    """Numbers the people of a video, the same in all its frames, and smooths their movement.

    A box continues the track whose box, moved on with its speed, overlaps it most; both are taken
    twice as large, so that a person may move by a box's width between frames. The best pairs go
    first. A person who was not found for longer than ``memory`` gets a new number.

    Args:
        smooth: smooth boxes and keypoints, see :class:`OneEuro`; otherwise they stay as they are.
        memory: s.
    """

    def __init__(self, smooth: bool = False, memory: float = 1.0):
        self.smooth, self.memory, self._numbers = smooth, memory, count(1)
        self._corners: dict[int, OneEuro] = {}
        self._keypoints: dict[int, OneEuro] = {}
        self._time = -np.inf

    def next_video(self) -> None:
        """Forget where people are; no number is used again."""
        self._corners, self._time = {}, -np.inf

    def follow(self, boxes: ndarray, time: float) -> tuple[list[int], ndarray]:
        """Return the numbers of the people in a frame, and their boxes for the network.

        Args:
            boxes: (P, 4 or more columns), x1, y1, x2, y2 in image px.
            time: s, later than that of the frame before.

        Raises ``DataError`` for another time, and for a box without an area.
        """
        boxes = np.array(boxes, float) if len(boxes) else np.zeros((0, 4))
        if not time > self._time:
            raise DataError(f'a frame at {time} s after one at {self._time} s: times increase in a '
                            'video; call next_video() before another one')
        if not have_area(boxes):
            raise DataError('boxes: x1, y1, x2, y2 with x1 < x2 and y1 < y2 needed, in px')
        self._time = time
        self._corners = self._recent(self._corners, time)
        corners = boxes[:, :4].reshape(-1, 2, 2)
        known, numbers = list(self._corners), [0] * len(boxes)
        near = np.reshape([overlaps(_twice(one.expected(time))[0], _twice(corners))
                           for one in self._corners.values()], (len(known), len(boxes)))
        while near.size and near.max() > _NEAR:
            track, box = np.unravel_index(near.argmax(), near.shape)
            numbers[box] = known[track]
            near[track], near[:, box] = 0, 0
        for index, number in enumerate(numbers):
            numbers[index] = number = number or next(self._numbers)
            size = np.ptp(corners[index], axis=0).max()
            smooth = self._corners.setdefault(number, OneEuro(*_BOXES))(
                corners[index], time, size)
            if self.smooth:
                boxes[index, :4] = np.clip(smooth, corners[index] - _BEHIND * size,
                                           corners[index] + _BEHIND * size).ravel()
        return numbers, boxes

    def steady(self, poses: Poses, numbers: Sequence[int], time: float) -> Poses:
        """Return the poses of the people with these numbers, their keypoints smoothed if asked for.

        Frames come in the order in which :meth:`follow` had them. Raises ``DataError`` for more or
        fewer numbers than people.
        """
        if len(numbers) not in (0, len(poses.keypoints)):
            raise DataError(f'{len(numbers)} numbers for {len(poses.keypoints)} people; give those '
                            'that follow() returned for the boxes')
        if not (self.smooth and numbers):
            return poses
        self._keypoints = self._recent(self._keypoints, time)
        return replace(poses, keypoints=np.stack([
            self._keypoints.setdefault(number, OneEuro())(
                keypoints, time, box[2] - box[0], scores)
            for number, keypoints, scores, box in zip(
                numbers, poses.keypoints, poses.scores, poses.boxes)]))

    def _recent(self, filters: dict[int, OneEuro], time: float) -> dict[int, OneEuro]:
        return {number: one for number, one in filters.items() if time - one.time <= self.memory}


def _twice(corners: ndarray) -> ndarray:
    """Return boxes (P, 2, 2), twice as large about their middle, as (P, 4)."""
    corners = corners.reshape(-1, 2, 2)
    return (1.5 * corners - 0.5 * corners[:, ::-1]).reshape(-1, 4)


def _share(cutoff: ndarray, seconds: float) -> ndarray:
    """Return the weight of a measurement against the past, for a cutoff frequency in Hz."""
    return 1 - 1 / (1 + 2 * np.pi * cutoff * seconds)
