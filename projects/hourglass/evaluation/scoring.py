"""Score prediction files against ground truth, without any network."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.errors import ConfigError, DataError
from hourglass.evaluation import pck
from hourglass.evaluation.ground_truth import Truth
from hourglass.evaluation.intervals import by_image, image_index
from hourglass.evaluation.mismatch import find_mismatch
from hourglass.evaluation.prediction_files import Predictions
from hourglass.evaluation.protocols import Protocol, Table
from hourglass.io.files import without_nan

_PEOPLE_AT_ONCE = 16384         # bounds the memory: about 30 MB of joints and distances
_CLOSE = 0.05                   # of the person's box: close enough to measure a shift of a pixel
_SURE = 0.1                     # px from the middle between the two bases


@dataclass
class Evaluation:
    """The score of a prediction file. People and joints without a prediction count as wrong."""

    truth: Truth
    predictions: Path                   # the prediction file
    protocol: Protocol
    base: int                           # 0 or 1, the base that the predictions were read with
    table: Table
    correct: ndarray                    # (T, N) joints at the thresholds of the curve
    shift: ndarray                      # (2,) mean offset of the close joints, x and y in px
    shift_error: float                  # standard error of their mean
    missing: Sequence[int]              # row of each person without any prediction
    missing_joints: int                 # annotated joints without prediction of all other people
    mismatch: str | None                # how the predictions fit better than as they are
    more: dict[str, float] = field(default_factory=dict)    # scores that are not in the table
    more_intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def fits_other_base(self) -> bool:
        """Whether the close joints lie about where the other base would put them.

        A wrong base moves x and y alike by a pixel, so their mean distinguishes it from most biases
        of a decoder, but not from one of a pixel in both.
        """
        off = self.shift.mean() * (-1 if self.base else 1)          # px towards the other base
        return bool(0.5 + max(_SURE, 3 * self.shift_error) < off < 1.5)

    @property
    def is_shifted(self) -> bool:
        """Whether the close joints are off by more than a base explains, in x or in y."""
        return bool(np.abs(self.shift).max() > 2 + 3 * self.shift_error
                    or abs(self.shift.mean()) > 1.5 + 3 * self.shift_error)

    def warnings(self) -> Iterator[str]:
        """Yield a line for everything in the file that looks wrong or counts as wrong."""
        off = 'its joints lie {:+.2f}, {:+.2f} px off on average'.format(*self.shift)
        if self.fits_other_base:
            yield (f"read as {self.base}-based, {off}; they fit "
                   f"{'--zero-based' if self.base else '--one-based'} better")
        elif self.is_shifted:
            yield (f'{off}; were they predicted on images of another size, or is it the bias of '
                   'their decoder?')
        if self.mismatch:
            yield self.mismatch
        elif self.table.scores['Total'] < 5:
            yield ('almost no joint is correct; are these the same people, in the same order, on '
                   'images of the same size?')
        if self.missing:
            yield (f'{len(self.missing)} of {len(self.truth)} people have no prediction and count '
                   f'as wrong, first row {self.missing[0]}')
        if self.missing_joints:
            yield (f'{self.missing_joints} annotated joints of other people have no prediction and '
                   'count as wrong')

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Bounds of the 95 % intervals of all scores that have one, by name."""
        return self.table.intervals | self.more_intervals

    def as_dict(self) -> dict:
        """Return the scores and their origin, for a JSON file; a missing score is None."""
        return dict(protocol=self.protocol.name, **without_nan(self.table.scores | self.more),
                    interval95=without_nan(self.intervals), gt=str(self.truth.path),
                    about_gt=self.truth.about, pred=str(self.predictions), base=self.base,
                    people=len(self.truth), missing_people=self.missing,
                    missing_joints=self.missing_joints)


def evaluate(truth: Truth, predictions: Predictions, protocol: Protocol, base: int | None = None,
             on_people: Callable[[slice, ndarray], None] | None = None) -> Evaluation:
    """Score predictions of the people of a ground truth, in its order.

    Args:
        base: 0 or 1, the base of the predictions' coordinates; by default the one that their file
            states, or else the usual one of the data set.
        on_people: called with a slice of the people and their (n, N) distances, piece by piece:
            memory does not grow with the number of people.

    Raises:
        DataError: for a person with annotated joints but without a PCK unit.
        ConfigError: for another base than the file states.
    """
    if predictions.base is not None and base not in (None, predictions.base):
        raise ConfigError(f'{predictions.path}: the file gives its base as {predictions.base}; '
                          f"leave {'--one-based' if base else '--zero-based'} out")
    base = next(b for b in (base, predictions.base, truth.usual_base) if b is not None)
    missing, missing_joints = [], 0
    names, index = protocol.counted(truth.names), image_index(truth.images)
    sums, correct = np.zeros(()), np.zeros((), int)             # become (I, C, N) and (T, N)
    mismatch = None
    moments = np.zeros(4)
    for start in range(0, len(truth), _PEOPLE_AT_ONCE):
        people = slice(start, min(start + _PEOPLE_AT_ONCE, len(truth)))
        annotation = truth[people]
        truth_image = annotation.keypoints_image                                # (n, K, 2)
        predicted_image = predictions[people] - base                            # 0-based, too
        try:
            distances = protocol.distances(predicted_image, annotation, truth.names)
        except pck.UnmeasuredError as error:
            raise DataError(f'{truth.path}, row {truth.rows[start + error.person]}: '
                            f'{protocol.unit_name} is {error.unit:g}, not a number of px above '
                            f'0; {truth.advice}') from None
        if not start:
            mismatch = find_mismatch(predicted_image, truth_image, truth.names)
        correct = correct + pck.count(distances, protocol.thresholds)
        sums = sums + by_image(protocol.tally(distances, annotation.occluded), index[people],
                         index.max() + 1)
        unpredicted = np.isnan(predicted_image).any(-1)                         # (n, K)
        absent = unpredicted.all(-1)
        missing += [truth.rows[start + person] for person in np.flatnonzero(absent)]
        missing_joints += int((unpredicted & ~np.isnan(truth_image).any(-1))[~absent].sum())
        moments += _moments(predicted_image, truth_image, base)
        if on_people is not None:
            on_people(people, distances)
    return Evaluation(
        truth, predictions.path, protocol, base, Table(protocol, sums, names), correct,
        *_shift(moments), missing, missing_joints, mismatch)


def _moments(predicted_image: ndarray, truth_image: ndarray, base: int) -> ndarray:
    """Return (4,) of the offsets of close joints: number, sums of x and y, and sum of squares.

    The squares are those of the mean of x and y. Close is measured from between the bases, as it
    must not depend on the ``base`` given.
    """
    offsets = predicted_image - truth_image                                     # (n, K, 2)
    close = offsets[np.linalg.norm(offsets + base - 0.5, axis=-1)
                    < _CLOSE * pck.box_side(truth_image)[:, None]]
    return np.array([len(close), *close.sum(0), (close.mean(-1)**2).sum()])


def _shift(moments: ndarray) -> tuple[ndarray, float]:
    """Return (2,) the mean of offsets by their :func:`_moments`, and its standard error."""
    number = max(moments[0], 1)
    shift = moments[1:3] / number
    spread = max(moments[3] / number - shift.mean()**2, 0)
    return shift, (spread / number)**0.5
