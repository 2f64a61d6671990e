"""PCK, percentage of correct keypoints: the numpy arithmetic of every metric and protocol.

P people, K joints, T thresholds. A *distance* is in units of the person's ``pck_unit`` (0.6 x the
head's diagonal for PCKh, the torso for FLIC). It is NaN for a joint that is not annotated, which
does not count, and infinite for an annotated joint without prediction, which is wrong at every
threshold.

Distances are counted once (:class:`Counts`), and every number of every protocol is computed from
the counts. They add up over batches, files and ranks, so people need not be in memory together.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray


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

    It is NaN for a limb of no length or without annotation, infinite without prediction. Strict PCP
    counts the limbs up to 0.5. The end of a limb is the middle of some joints.
    """
    found, true = (np.stack([[joints[:, list(end)].mean(1) for end in limb] for limb in limbs])
                   for joints in (predicted, truth))                            # (limbs, 2, P, 2)
    length = np.linalg.norm(true[:, 1] - true[:, 0], axis=-1)                   # (limbs, P)
    off = np.linalg.norm(found - true, axis=-1).max(1)
    relative = np.nan_to_num(off / np.where(length > 0, length, 1), nan=np.inf)
    return np.where(length > 0, relative, np.nan).T


@dataclass(frozen=True)
class Counts:
    """How many joints were annotated, and how many of them were correct at each threshold."""

    thresholds: ndarray                 # (T,) ascending
    correct: ndarray                    # (T, K) joints at a distance of at most the threshold
    annotated: ndarray                  # (K,)

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.thresholds, self.correct + other.correct,
                      self.annotated + other.annotated)

    def at(self, threshold: float) -> Counts:
        """Return these counts at one of their thresholds, T = 1."""
        index = np.flatnonzero(np.isclose(self.thresholds, threshold))
        if not len(index):
            raise ValueError(f'not counted at {threshold:g}, but at {self.thresholds.tolist()}')
        return Counts(self.thresholds[index], self.correct[index], self.annotated)


def count(distances: ndarray, thresholds: ndarray) -> Counts:
    """Count (P, K) distances at (T,) ascending thresholds."""
    num_joints, num_bins = distances.shape[1], len(thresholds) + 1
    # the first threshold that is not below the distance; NaN and infinity fall behind the last
    bins = np.searchsorted(thresholds, distances) + np.arange(num_joints) * num_bins    # (P, K)
    histogram = np.bincount(bins.ravel(), minlength=num_joints * num_bins)
    correct = histogram.reshape(num_joints, num_bins)[:, :-1].cumsum(-1).T      # (T, K)
    return Counts(thresholds, correct, (~np.isnan(distances)).sum(0))


def count_apart(distances: ndarray, occluded: ndarray, thresholds: ndarray) -> list[Counts]:
    """Count (P, N) distances: all of them, those of visible joints, and those of occluded ones.

    ``occluded`` is (P, K) bool; where N is not K, limbs were measured, which are neither.
    """
    visible, hidden = (~occluded, occluded) if occluded.shape == distances.shape else (False, False)
    return [count(np.where(part, distances, np.nan), thresholds)
            for part in (True, visible, hidden)]


def joint_pck(counts: Counts) -> ndarray:
    """Return (T, K) percentages of the annotated joints; NaN for a joint without annotation."""
    return _percent(counts.correct, counts.annotated)


def pooled_pck(counts: Counts, joints: list[int]) -> ndarray:
    """Return (T,) percentages over all ``joints`` together, weighted by their numbers."""
    return _percent(counts.correct[:, joints].sum(-1), counts.annotated[joints].sum())


def mean_pck(counts: Counts, joints: list[int]) -> ndarray:
    """Return (T,) percentages, the unweighted mean of the ``joints`` that occur at all."""
    return np.ma.masked_invalid(joint_pck(counts)[:, joints]).mean(-1).filled(np.nan)


def area_under_curve(thresholds: ndarray, curve: ndarray) -> float:
    """Return the mean height of a curve over its thresholds, by trapezoids as MPII does."""
    heights = (curve[1:] + curve[:-1]) / 2
    return float((heights * np.diff(thresholds)).sum() / (thresholds[-1] - thresholds[0]))


def _percent(correct: ndarray, annotated: ndarray) -> ndarray:
    return np.where(annotated > 0, 100.0 * correct / np.maximum(annotated, 1), np.nan)
