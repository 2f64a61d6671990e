"""PCK, percentage of correct keypoints: numpy arithmetic under every metric and protocol.

P people, K joints, T thresholds. A *distance* is in units of the person's ``pck_unit`` (0.6 x the
head's diagonal for PCKh, the torso for FLIC). It is NaN for a joint without annotation, which
nobody is scored on, and infinite for an annotated joint without prediction, which is wrong at
every threshold.
"""
from collections.abc import Mapping, Sequence

import numpy as np
from numpy import ndarray


def normalised_distances(predicted: ndarray, truth: ndarray, unit: ndarray) -> ndarray:
    """Distances in units of each person.

    Args:
        predicted: (P, K, 2) x, y in image px; NaN where nothing was predicted.
        truth: (P, K, 2) in the same pixels and base; NaN where not annotated.
        unit: (P,) px.

    Returns:
        (P, K).

    Raises:
        ValueError: for shapes that do not match or a unit that is not above 0.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f'predictions of shape {predicted.shape} for a truth of {truth.shape} '
                         '(people, joints, 2)')
    if not (unit > 0).all():
        person = int(np.argmin(unit > 0))
        raise ValueError(f'person {person} has a PCK unit of {unit[person]} px, more than 0 needed')
    distances = np.linalg.norm(predicted - truth, axis=-1) / unit[:, None]
    annotated = ~np.isnan(truth).any(-1)
    return np.where(annotated, np.nan_to_num(distances, nan=np.inf), np.nan)


def joint_pck(distances: ndarray, threshold: float) -> ndarray:
    """(P, K) distances -> (K,) percentages of the annotated joints within ``threshold``.

    NaN for a joint that nobody has.
    """
    correct, annotated = _counts(distances, threshold)
    return _percent(correct, annotated)


def pooled_pck(distances: ndarray, threshold: float, joints: Sequence[int]) -> float:
    """Percentage over all annotated ``joints`` together: a joint counts as often as it occurs."""
    correct, annotated = _counts(distances[:, list(joints)], threshold)
    return float(_percent(correct.sum(), annotated.sum()))


def grouped_pck(distances: ndarray, threshold: float,
                groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Unweighted mean of the joints of each group, as MPII's and FLIC's tables are made."""
    percentages = joint_pck(distances, threshold)
    return {name: float(np.mean(percentages[list(joints)])) for name, joints in groups.items()}


def _counts(distances: ndarray, threshold: float) -> tuple[ndarray, ndarray]:
    """Correct and annotated joints per column."""
    return (distances <= threshold).sum(0), (~np.isnan(distances)).sum(0)


def _percent(correct: ndarray, annotated: ndarray) -> ndarray:
    return np.where(annotated > 0, 100.0 * correct / np.maximum(annotated, 1), np.nan)
