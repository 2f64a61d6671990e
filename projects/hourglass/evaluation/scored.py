"""The people that a metric has scored, kept for whoever asks more than a table."""
from collections.abc import Sequence
from dataclasses import dataclass

from numpy import ndarray

from hourglass.evaluation import pck
from hourglass.evaluation.protocols import Protocol


@dataclass
class Scored:
    """Distances of predicted from annotated joints.

    Attributes:
        protocol: who counted.
        joints: names of the K keypoints.
        ids: (P,) of the people in their data set.
        distances: (1 + N, P, L), in units of the person, of the prediction and of each of N stages,
            where these were asked for; NaN where not annotated.
        occluded: (P, K) annotated, but hidden.
    """

    protocol: Protocol
    joints: Sequence[str]
    ids: Sequence[int]
    distances: ndarray
    occluded: ndarray

    @property
    def num_stages(self) -> int:
        return len(self.distances) - 1

    @property
    def counted(self) -> Sequence[str]:
        """Names of the L joints, or limbs, counted."""
        return self.protocol.counted(self.joints)

    def scores(self, which: int) -> dict[str, float]:
        """The table in percent: 0 is the prediction, 1 and above the stages."""
        return self.protocol.scores(*pck.count_apart(
            self.distances[which], self.occluded, self.protocol.thresholds), self.counted)
