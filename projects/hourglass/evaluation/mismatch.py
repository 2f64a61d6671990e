"""How predictions fit their annotation better than as they are: another scale or order."""
from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy import ndarray

from hourglass.evaluation.pck import box_side

_SAMPLE, _OTHERS = 100, 2000            # people looked at, and people they could be instead
_FITS = 0.1                             # of the person's box: the median distance in a good fit
_GAIN = 0.5                             # of the distance as it is, which a better fit leaves


def find_mismatch(predicted: ndarray, truth: ndarray, names: Sequence[str]) -> str | None:
    """Describe a change after which predictions lie at most half as far off; None without one.

    Args:
        predicted, truth: (P, K, 2) of the same people in image px; NaN where there is none. The
            first 100 people are looked at.
        names: of the K joints.
    """
    as_they_are = _misfit(predicted[:_SAMPLE], truth[:_SAMPLE])
    return next((message for message, found, true in _explanations(predicted, truth, names)
                 if _misfit(found, true) < min(_FITS, _GAIN * as_they_are)), None)


def _explanations(predicted: ndarray, truth: ndarray, names: Sequence[str]
                  ) -> Iterator[tuple[str, ndarray, ndarray]]:
    """Yield what may be wrong, and the predictions and the annotation to compare if it is."""
    from scipy.optimize import linear_sum_assignment  # imported late: it takes a second
    found, true = predicted[:_SAMPLE], truth[:_SAMPLE]
    with np.errstate(divide='ignore', invalid='ignore'):        # a joint at 0, 0
        scale = _median(np.linalg.norm(found, axis=-1) / np.linalg.norm(true, axis=-1))
    if abs(scale - 1) > _FITS:
        yield f'they fit images of {scale:.3g} times the size', found / scale, true
    yield 'they fit with x and y exchanged', found[..., ::-1], true
    misfits = [[_misfit(found[:, [i]], true[:, [j]], true) for i in range(len(names))]
               for j in range(len(names))]
    order = linear_sum_assignment(np.minimum(misfits, 1e3))[1]      # predicted, by annotated
    moved = np.flatnonzero(order != np.arange(len(names)))
    if len(moved):
        first = moved[0]
        yield (f'they fit with their joints in another order: number {order[first]} is where '
               f'{names[first]} should be, number {first}'), found[:, order], true
    others = truth[:_OTHERS]
    people = np.array([np.argmin(_distances(person[None], others)) for person in found], int)
    if len(set(people.tolist())) > 0.7 * len(people):       # one for each, not one for all
        first = int((people != np.arange(len(people))).argmax())
        yield (f'they fit with the people in another order: number {first} fits person '
               f'{people[first]}'), found, others[people]


def _distances(found: ndarray, true: ndarray) -> ndarray:
    """Return (P,) the mean distance of each person's joints, infinite without any."""
    distances = np.linalg.norm(found - true, axis=-1)
    known = ~np.isnan(distances)
    total = np.where(known, distances, 0).sum(-1)
    return np.where(known.any(-1), total / np.maximum(known.sum(-1), 1), np.inf)


def _misfit(found: ndarray, true: ndarray, people: ndarray | None = None) -> float:
    """Return the median distance of joints as a share of the box of the person."""
    size = box_side(true if people is None else people)[:, None]
    return _median(np.linalg.norm(found - true, axis=-1) / np.where(size > 0, size, np.nan))


def _median(values: ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else np.inf
