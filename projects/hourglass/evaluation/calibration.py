"""From the height of a heatmap's peak to the probability that the keypoint is correct.

A monotone map is fitted to half of the test images by isotonic regression, for each type of
keypoint (left and right together), and judged on the other half.
"""
from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy import ndarray

from hourglass.errors import CheckpointError

_KEY = 'calibration'                     # in the metadata of weights
_ENOUGH = 300                           # keypoints of a type, for a map of its own
_KNOTS = 20                             # of a map at most, each of as many keypoints
_BINS = 10                              # of the expected calibration error, equally wide
_ANY = 'any'                            # the map of types that have none of their own


def fitted_images(images: Sequence[str]) -> ndarray:
    """Return (P,) bool, whether a person's image is in the half that maps are fitted to.

    Frames of one film stay together: file names that differ only in the number at their end. Where
    a film has more than half of the people, each image stands for itself. The halves depend on the
    names alone, so a later test finds the same ones.
    """
    films = [re.sub(r'\d+$', '', str(PurePosixPath(name).with_suffix(''))) for name in images]
    if Counter(films).most_common(1)[0][1] > len(films) / 2:
        films = list(images)
    sizes, chosen = [0, 0], {}
    for film, count in sorted(Counter(films).items(), key=lambda item: (-item[1], item[0])):
        chosen[film] = sizes[0] <= sizes[1]
        sizes[not chosen[film]] += count
    return np.array([chosen[film] for film in films])


@dataclass(frozen=True)
class Calibration:
    """Maps from peaks to probabilities, linear between their knots and constant beyond."""

    correct: str                        # which keypoints are correct: the title of the protocol
    people: int                         # that the maps were fitted to
    stage: int                          # whose heatmaps have the peaks, 0 the first
    flip: bool                          # whether they are averaged with those of the mirrored image
    maps: Mapping[str, Sequence[Sequence[float]]]   # type -> peaks, ascending, and probabilities

    def probabilities(self, peaks: ndarray, names: Sequence[str]) -> ndarray:
        """Return (..., K) for the peaks (..., K) of keypoints of these names."""
        maps = [self.maps.get(_type(name), self.maps[_ANY]) for name in names]
        return np.stack([np.interp(peaks[..., k], knots[0], knots[1])
                         for k, knots in enumerate(maps)], axis=-1)

    def metadata(self) -> dict[str, str]:
        """Return what :meth:`of` reads."""
        return {_KEY: json.dumps(asdict(self))}

    @classmethod
    def of(cls, meta: Mapping | None, path: object) -> Calibration | None:
        """Return the calibration in the metadata of weights; None if there is none."""
        if not meta or _KEY not in meta:
            return None
        try:
            found = cls(**json.loads(meta[_KEY]))
            if any(np.shape(knots)[:1] != (2,) or not np.isfinite(np.array(knots, float)).all()
                   for knots in found.maps.values()):
                raise ValueError('a map is no list of peaks and one of probabilities')
            found.probabilities(np.zeros(1), [''])
        except Exception as error:      # of many types, as it may be anything that JSON can be
            raise CheckpointError(f'{path}: its calibration cannot be read ({error}); make it '
                                  'again with hourglass test --calibrate') from None
        return found


def fit(peaks: ndarray, correct: ndarray, names: Sequence[str]) -> dict[str, list[list[float]]]:
    """Fit the ``maps`` of a :class:`Calibration`.

    Args:
        peaks: (P, K) heights of the heatmaps' peaks.
        correct: (P, K) 1 where the keypoint is correct, 0 where it is not, NaN where not annotated.
        names: of the K keypoints.
    """
    types = np.array([_type(name) for name in names])
    maps = {_ANY: _isotonic(peaks, correct)}
    for kind in dict.fromkeys(types.tolist()):
        columns = types == kind
        if (~np.isnan(correct[:, columns])).sum() >= _ENOUGH:
            maps[kind] = _isotonic(peaks[:, columns], correct[:, columns])
    return maps


def _type(name: str) -> str:
    return re.sub('^(left|right)_', '', name)


def _isotonic(peaks: ndarray, correct: ndarray) -> list[list[float]]:
    """Return knots: the means of equally many keypoints each, made monotone."""
    from scipy.optimize import isotonic_regression
    annotated = ~np.isnan(correct)
    order = np.argsort(peaks[annotated], kind='stable')
    pieces = np.array_split(order, max(1, min(_KNOTS, len(order) // 10)))
    peak, share = (np.array([values[annotated][piece].mean() for piece in pieces])
                   for values in (peaks, correct))
    rising = isotonic_regression(share, weights=[len(piece) for piece in pieces]).x
    return [np.round(values, 4).tolist() for values in (peak, rising)]


@dataclass(frozen=True)
class Reliability:
    """Predicted against observed shares of correct keypoints, in equally wide bins."""

    predicted: ndarray                  # (b,) mean probability in each bin that is not empty
    observed: ndarray                   # (b,) share of correct keypoints
    counts: ndarray                     # (b,)

    @classmethod
    def of(cls, probabilities: ndarray, correct: ndarray) -> Reliability:
        """Measure (P, K) probabilities; ``correct`` is as for :func:`fit`."""
        annotated = ~np.isnan(correct)
        given, right = probabilities[annotated], correct[annotated]
        bins = np.clip((given * _BINS).astype(int), 0, _BINS - 1)
        counts = np.bincount(bins, minlength=_BINS)
        used = counts > 0
        sums = [np.bincount(bins, values, _BINS)[used] for values in (given, right)]
        return cls(sums[0] / counts[used], sums[1] / counts[used], counts[used])

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of the two, weighted by counts.

        It is NaN without keypoints.
        """
        distances = np.abs(self.predicted - self.observed)
        return float(np.average(distances, weights=self.counts)) if len(self.counts) else np.nan


def roc(scores: ndarray, positive: ndarray) -> tuple[ndarray, ndarray, float]:
    """Return the false and true positive rates (n,) at all thresholds, and the area under them.

    Args:
        scores: (n,); higher ones are taken for positive first.
        positive: (n,) bool, with both values in it.
    """
    order = np.argsort(-scores, kind='stable')
    last = np.append(np.diff(scores[order]) != 0, True)                 # of equal scores
    rates = [np.append(0, np.cumsum(hits[order])[last] / hits.sum())
             for hits in (~positive, positive)]
    area = (np.diff(rates[0]) * (rates[1][1:] + rates[1][:-1])).sum() / 2
    return rates[0], rates[1], float(area)
