"""Score prediction files against ground truth, without any network."""
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.errors import DataError
from hourglass.evaluation import pck
from hourglass.evaluation.ground_truth import Truth
from hourglass.evaluation.pck import Counts
from hourglass.evaluation.prediction_files import Predictions
from hourglass.evaluation.protocols import Protocol

_PEOPLE_AT_ONCE = 16384         # bounds the memory: about 30 MB of joints and distances
_CLOSE = 0.5                    # units of the person: near enough to tell a shift of a pixel
_SURE = 0.1                     # px from the middle between the two bases


@dataclass
class Evaluation:
    """What a prediction file scored.

    Attributes:
        predictions: the file.
        protocol: who counted.
        names: of the joints, or limbs, counted.
        counts: of all joints; ``visible`` and ``occluded`` of these apart.
        num_people: scored.
        missing: row of each person without any prediction; they count as wrong.
        missing_joints: annotated joints without prediction, of all other people; wrong, too.
        shift: mean offset of the close joints from the truth, x and y in px.
        shift_error: standard error of their mean.
        base: 0 or 1, what the predictions were taken to count from.
    """

    predictions: Path
    protocol: Protocol
    names: Sequence[str]
    counts: Counts
    visible: Counts
    occluded: Counts
    num_people: int
    base: int
    shift: ndarray
    shift_error: float
    missing: list[int]
    missing_joints: int

    @property
    def scores(self) -> dict[str, float]:
        """The table in percent, with the totals of visible and occluded joints if any is."""
        return self.protocol.scores(self.counts, self.visible, self.occluded, self.names)

    @property
    def speaks_for_other_base(self) -> bool:
        """Whether the close joints lie about where the other base would put them.

        A wrong base moves x and y alike by a pixel, so their mean tells it from a decoder's bias
        that goes opposite ways in the two, or by more; from one of a pixel both ways nothing can.
        """
        off = self.shift.mean() * (1 if self.base == 0 else -1)     # px towards the other base
        return bool(0.5 + max(_SURE, 3 * self.shift_error) < off < 1.5)

    @property
    def is_shifted(self) -> bool:
        """Whether the close joints are off by more than a base explains, in x or in y."""
        return bool(np.abs(self.shift).max() > 2 + 3 * self.shift_error
                    or abs(self.shift.mean()) > 1.5 + 3 * self.shift_error)


def evaluate(truth: Truth, predictions: Predictions, protocol: Protocol, base: int,
             on_people: Callable[[slice, ndarray], None] | None = None) -> Evaluation:
    """Score predictions.

    Args:
        truth: the people's annotation.
        predictions: of the same people in the same order.
        protocol: who counts.
        base: 0 or 1, what the predictions' coordinates count from.
        on_people: called with a slice of the people and their (n, N) distances, piece by piece:
            memory does not grow with the number of people.

    Raises:
        DataError: for a person with annotated joints but without a size to measure by.
    """
    names = protocol.counted(truth.names)
    nothing = np.empty((0, len(names)))
    counts = pck.count_apart(nothing, nothing > 0, protocol.thresholds)
    missing, missing_joints = [], 0
    close, shifts, squares = 0, np.zeros(2), 0.0
    for start in range(0, len(truth), _PEOPLE_AT_ONCE):
        people = slice(start, min(start + _PEOPLE_AT_ONCE, len(truth)))
        truth_image, unit, occluded = truth[people]                             # (n, K, 2)
        predicted_image = predictions[people] - base                            # 0-based, too
        try:
            distances = protocol.distances(predicted_image, truth_image, unit, truth.names)
        except pck.UnmeasuredError as error:
            raise DataError(f'{truth.path}, row {truth.rows[start + error.person]}: '
                            f'{protocol.unit_name} is {error.unit:g}, not a number of px above '
                            f'0; {truth.needs}') from None
        counts = tuple(map(operator.add, counts,
                           pck.count_apart(distances, occluded, protocol.thresholds)))
        unpredicted = np.isnan(predicted_image).any(-1)                         # (n, K)
        nobody = unpredicted.all(-1)
        missing += [truth.rows[start + person] for person in np.flatnonzero(nobody)]
        missing_joints += int((unpredicted & ~np.isnan(truth_image).any(-1))[~nobody].sum())
        offsets = predicted_image - truth_image                                 # (n, K, 2)
        # close as seen from between the bases: what is close must not depend on the base given
        between = offsets + base - 0.5
        near = np.linalg.norm(between, axis=-1) < _CLOSE * unit[:, None]
        close += int(near.sum())
        shifts += offsets[near].sum(0)
        squares += float((offsets[near].mean(-1)**2).sum())
        if on_people is not None:
            on_people(people, distances)
    shift = shifts / max(close, 1)
    spread = max(squares / max(close, 1) - shift.mean()**2, 0)
    return Evaluation(predictions.path, protocol, names, *counts, len(truth), base, shift,
                      (spread / max(close, 1))**0.5, missing, missing_joints)
