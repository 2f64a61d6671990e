"""Registered metrics for data of your own: the config says what the table is made of."""
from collections.abc import Mapping, Sequence
from typing import Any, Union

from hourglass.evaluation.metrics import KeypointMetric
from hourglass.evaluation.protocols import own_protocol
from hourglass.registry import METRICS

Groups = Mapping[str, Sequence[str]]    # row of the table -> names of the keypoints it averages
Unit = Union[str, Sequence[str]]


class _OwnMetric(KeypointMetric):
    """Base of the metrics, which differ in the points that an annotated keypoint gets."""

    points: str

    def __init__(self, groups: Groups, threshold: float = 0.2, unit: Unit = 'given',
                 **kwargs: Any):
        super().__init__(own_protocol(type(self).__name__, groups, threshold, unit, self.points),
                         **kwargs)


@METRICS.register_module()
class PCK(_OwnMetric):
    """Percentage of correct keypoints, those at a distance of at most ``threshold`` units.

    Args:
        groups: row of the table -> names of the keypoints that it averages.
        threshold: above 0 and, except for ``'px'``, at most 1. The curve, whose area is ``AUC``,
            ends there.
        unit: what distances are divided by: ``'given'``, ``Person.pck_unit`` of the data set;
            ``'bbox'``, the longer side of ``Person.bbox_image``, which in a file of COCO's form may
            be the box around the keypoints; ``'person'``, that of the box around all annotated
            keypoints; ``'torso'``, left shoulder to right hip; ``'head'``, upper neck to head top;
            the names of two keypoints, for their distance; or ``'px'``, nothing. People without
            these keypoints, or with a single one for ``'person'``, do not count, and their number
            is logged.
        kwargs: as for :class:`KeypointMetric`.

    Raises:
        ConfigError: for another threshold or unit, or without a group; and, before the first
            batch, for keypoints that the data set does not have.
        DataError: for a person without the ``pck_unit`` or ``bbox_image`` to measure by.
    """

    default_prefix = 'pck'
    points = 'share'


@METRICS.register_module()
class AUC(_OwnMetric):
    """Area under the curve of PCK from 0 to ``threshold``, in percent; arguments as for PCK."""

    default_prefix = 'auc'
    points = 'area'


@METRICS.register_module()
class NME(_OwnMetric):
    """Normalised mean error: the mean distance in percent of the unit; arguments as for PCK."""

    default_prefix = 'nme'
    points = 'distance'

    def __init__(self, groups: Groups, unit: Unit = 'given', **kwargs: Any):
        super().__init__(groups, unit=unit, **kwargs)


@METRICS.register_module()
class EPE(_OwnMetric):
    """End-point error: the mean distance in px of the image; ``groups`` as for PCK."""

    default_prefix = 'epe'
    points = 'distance'

    def __init__(self, groups: Groups, **kwargs: Any):
        super().__init__(groups, 20, 'px', **kwargs)        # 20 px are where a report's curve ends
