"""PCK, percentage of correct keypoints: the numpy arithmetic of every metric and protocol.

P people, K joints, T thresholds. A *distance* is in units of the person (0.6 x the head's diagonal
for PCKh, the torso for FLIC and LSP). It is NaN for a joint that is not annotated, which does not
count, and infinite for an annotated joint without prediction, which is wrong at every threshold.

Each annotated joint gets *points*: for PCK, 100 if it is correct, or else 0. A score is the mean
of the points, of all joints together or of each joint first. Sums of points add up over batches,
files and ranks, so people need not be in memory together.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray


@dataclass
class People:
    """The annotation of P people, in image px, 0-based, from the fields of ``Person``."""

    keypoints_image: ndarray            # (P, K, 2) NaN where not annotated
    occluded: ndarray                   # (P, K) bool
    pck_unit: ndarray                   # (P,) px, NaN where the data set gives none
    bbox_image: ndarray                 # (P, 4) x1, y1, x2, y2, NaN where the data set gives none
    sides_swapped: ndarray              # (P,) bool, left and right are not the person's own

    @classmethod
    def of(cls, records: Sequence[Mapping]) -> People:
        """Stack the fields of some people, as in ``vars(person)`` or ``raw_ann_info``."""
        def stack(name: str, missing: object) -> ndarray:
            return np.array([missing if record.get(name) is None else record[name]
                             for record in records])
        return cls(stack('keypoints_image', None), stack('occluded', None),
                   stack('pck_unit', np.nan), stack('bbox_image', np.full(4, np.nan)),
                   stack('sides_swapped', False))

    def __getitem__(self, people: slice) -> People:
        return People(*(values[people] for values in vars(self).values()))


class UnmeasuredError(ValueError):
    """The person with this index has annotated joints but no size, in px, to measure by."""

    def __init__(self, person: int, unit: float):
        super().__init__(f'person {person} has a PCK unit of {unit} px, a number above 0 needed')
        self.person, self.unit = person, unit


def normalised_distances(predicted: ndarray, truth: ndarray, unit: ndarray) -> ndarray:
    """Return (P, K) distances in units of each person.

    Args:
        predicted: (P, K, 2) x, y in image px; NaN where nothing was predicted.
        truth: (P, K, 2) in the same pixels and base; NaN where not annotated.
        unit: (P,) px; may be NaN for a person without a single annotated joint.

    Raises:
        ValueError: for shapes that do not match.
        UnmeasuredError: for a unit that is not a number above 0.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f'predictions of shape {predicted.shape} for a truth of {truth.shape} '
                         '(people, joints, 2)')
    annotated = ~np.isnan(truth).any(-1)                                        # (P, K)
    unmeasured = annotated.any(-1) & ~((unit > 0) & (unit < np.inf))
    if unmeasured.any():
        person = int(unmeasured.argmax())
        raise UnmeasuredError(person, float(unit[person]))
    with np.errstate(over='ignore'):                    # beyond the range of floats: infinite
        distances = np.linalg.norm(predicted - truth, axis=-1) / unit[:, None]
    return np.where(annotated, np.nan_to_num(distances, nan=np.inf), np.nan)


def box_side(truth: ndarray) -> ndarray:
    """Return (P,) the longer side, in px, of the box around each person's annotated joints."""
    return (np.fmax.reduce(truth, axis=1) - np.fmin.reduce(truth, axis=1)).max(-1)


def limb_distances(predicted: ndarray, truth: ndarray,
                   limbs: Sequence[Sequence[Sequence[int]]]) -> ndarray:
    """Return (P, limbs), how far the worse end of each limb is off in units of the limb's length.

    It is NaN for a limb without annotation, and infinite without prediction or for a limb of no
    length, unless both ends are exact. Strict PCP counts the limbs up to 0.5. The end of a limb is
    the middle of some joints.
    """
    found, true = (np.stack([[joints[:, list(end)].mean(1) for end in limb] for limb in limbs])
                   for joints in (predicted, truth))                            # (limbs, 2, P, 2)
    length = np.linalg.norm(true[:, 1] - true[:, 0], axis=-1)                   # (limbs, P)
    off = np.linalg.norm(found - true, axis=-1).max(1)
    with np.errstate(over='ignore', divide='ignore', invalid='ignore'):
        relative = np.where((length == 0) & (off == 0), 0, off / length)    # a perfect limb
    relative = np.nan_to_num(relative, nan=np.inf, posinf=np.inf)
    return np.where(np.isnan(length), np.nan, relative).T


def count(distances: ndarray, thresholds: ndarray) -> ndarray:
    """Return (T, K), how many of (P, K) distances are at most each of (T,) ascending thresholds."""
    num_joints, num_bins = distances.shape[1], len(thresholds) + 1
    # the first threshold that is not below the distance; NaN and infinity fall behind the last
    bins = np.searchsorted(thresholds, distances) + np.arange(num_joints) * num_bins    # (P, K)
    histogram = np.bincount(bins.ravel(), minlength=num_joints * num_bins)
    return histogram.reshape(num_joints, num_bins)[:, :-1].cumsum(-1).T


def area_under_curve(distances: ndarray, thresholds: ndarray) -> ndarray:
    """Return the mean height, from 0 to 100, of the curve of each distance alone.

    The curve is 0 below the distance and 100 from there; its mean over the (T,) equidistant
    thresholds is taken by trapezoids, as MPII does.
    """
    steps = len(thresholds) - 1
    first = np.searchsorted(thresholds, distances)      # behind the last for NaN and infinity
    return 50 / steps * np.where(first == 0, 2 * steps, np.maximum(2 * (steps - first) + 1, 0))


def joint_means(points: ndarray, annotated: ndarray) -> ndarray:
    """Return (..., K) mean points of each joint, of sums; NaN for a joint without annotation."""
    return np.where(annotated > 0, points / np.maximum(annotated, 1), np.nan)


def pooled_mean(points: ndarray, annotated: ndarray, joints: list[int]) -> ndarray:
    """Return (...) mean points of all ``joints`` together, weighted by their numbers."""
    return joint_means(points[..., joints].sum(-1), annotated[..., joints].sum(-1))


def mean_of_joints(points: ndarray, annotated: ndarray, joints: list[int]) -> ndarray:
    """Return (...) the unweighted mean of the means of the ``joints`` that occur at all."""
    means = joint_means(points, annotated)[..., joints]
    occur = ~np.isnan(means)
    return joint_means(np.where(occur, means, 0).sum(-1), occur.sum(-1))
