"""Registered metrics for data of your own: the config says what the table is made of."""
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from hourglass.errors import ConfigError, DataError
from hourglass.evaluation.metrics import KeypointMetric
from hourglass.evaluation.protocols import Protocol
from hourglass.evaluation.samples import annotation_of
from hourglass.registry import METRICS

Groups = Mapping[str, Sequence[str]]    # row of the table -> names of the keypoints it averages
Unit = str | Sequence[str]

_UNITS: dict[str, tuple[str | tuple[str, str], str]] = dict(
    given=('given', "the data set's unit"),
    person=('person', 'the longer side of the box around the annotated keypoints'),
    bbox=('bbox', "the longer side of the person's box"),
    torso=(('left_shoulder', 'right_hip'), 'the torso, left shoulder to right hip'),
    head=(('upper_neck', 'head_top'), 'the head, upper neck to head top'))


class _OwnMetric(KeypointMetric):
    """Base of the metrics, which differ in the points that an annotated keypoint gets."""

    def __init__(self, groups: Groups, points: str, threshold: float, unit: tuple[Any, str],
                 **kwargs: Any):
        measure = type(self).__name__
        if not groups or not all(groups.values()):
            raise ConfigError(f'{measure}: groups={groups!r}, a row with at least one keypoint '
                              'needed')
        measured_by, unit_name = unit
        super().__init__(Protocol(
            'own', measure, unit_name, groups, tuple(dict.fromkeys(chain(*groups.values()))),
            threshold=threshold, curve=threshold, fine=None, unit=measured_by, points=points,
            leaves_out=measured_by != 'given'), **kwargs)

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        for sample in data_samples if self.protocol.unit == 'bbox' else ():
            truth = annotation_of(sample)
            if truth.get('bbox_image') is None:
                raise DataError(f"{truth['image_name']}, row {truth['row']}: the data set gives no "
                                "bbox_image; choose another unit than 'bbox'")
        super().process(data_batch, data_samples)


@METRICS.register_module()
class PCK(_OwnMetric):
    """Percentage of correct keypoints, those at a distance of at most ``threshold`` units.

    A person whose unit cannot be measured, such as one with a single keypoint for ``'person'``,
    does not count, and the number of these people is logged.

    Args:
        groups: row of the table -> names of the keypoints that it averages.
        threshold: above 0 and at most 1. The curve, whose area is ``AUC``, ends there.
        unit: what distances are divided by: ``'given'``, ``Person.pck_unit`` of the data set;
            ``'person'``, the longer side of the box around all annotated keypoints; ``'bbox'``,
            that of ``Person.bbox_image``; ``'torso'``, left shoulder to right hip; ``'head'``,
            upper neck to head top; or the names of two keypoints, for their distance.
        kwargs: as for :class:`KeypointMetric`.

    Raises:
        ConfigError: for another threshold or unit, or without a group; and, before the first
            batch, for keypoints that the data set does not have.
    """

    default_prefix = 'pck'
    points = 'share'

    def __init__(self, groups: Groups, threshold: float = 0.2, unit: Unit = 'given',
                 **kwargs: Any):
        if not 0 < threshold <= 1:
            raise ConfigError(f'{type(self).__name__}: threshold={threshold!r}, a number above 0 '
                              'and at most 1 needed (0.2 is a fifth of the unit)')
        super().__init__(groups, self.points, threshold, _find_unit(unit), **kwargs)


@METRICS.register_module()
class AUC(PCK):
    """Area under the curve of PCK from 0 to ``threshold``, in percent; arguments as for PCK."""

    default_prefix = 'auc'
    points = 'area'


@METRICS.register_module()
class NME(_OwnMetric):
    """Normalised mean error: the mean distance in percent of the unit; arguments as for PCK."""

    default_prefix = 'nme'

    def __init__(self, groups: Groups, unit: Unit = 'given', **kwargs: Any):
        super().__init__(groups, 'distance', 0.2, _find_unit(unit), **kwargs)


@METRICS.register_module()
class EPE(_OwnMetric):
    """End-point error: the mean distance in px of the image; ``groups`` as for PCK."""

    default_prefix = 'epe'

    def __init__(self, groups: Groups, **kwargs: Any):
        super().__init__(groups, 'distance', 20, ('px', 'px'), **kwargs)


def _find_unit(unit: Unit) -> tuple[Any, str]:
    """Return a protocol's unit and its name."""
    if isinstance(unit, str) and unit in _UNITS:
        return _UNITS[unit]
    if isinstance(unit, str) or len(unit) != 2:
        raise ConfigError(f'unit={unit!r}, choose from {", ".join(_UNITS)}, or name two keypoints')
    return tuple(unit), f'the distance from {unit[0]} to {unit[1]}'
