"""Protocols: the same predictions get a different score under each of them.

A protocol measures distances in units of the person, and makes a table of scores from them. Joints
are found by name, so one protocol works for every skeleton that has them.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy import ndarray

from hourglass.datasets.skeletons import opposites
from hourglass.errors import ConfigError
from hourglass.evaluation import pck
from hourglass.evaluation.intervals import by_image, image_index, interval95, resampled
from hourglass.evaluation.pck import People

PARTS = 'Visible', 'Occluded'           # totals of data sets that annotate occlusion


@dataclass(frozen=True)
class Protocol:
    """How a table of scores is made."""

    name: str                           # as given on a command line or in a config
    measure: str                        # PCKh, PCK or PCP, for titles
    unit_name: str                      # for titles and messages
    groups: Mapping[str, Sequence[str]]         # row of the table -> the joints that it averages
    scored: Sequence[str]               # the joints of the total
    pooled: bool = True                 # total: of all joints together, or the mean of each joint's
    threshold: float = 0.5              # of the main numbers, in units of the person
    curve: float = 0.5                  # highest threshold of the curve and its area
    fine: float | None = 0.1            # of the stricter total that papers call "@0.1"
    # the data set's ('given'), the longer side of the box around the annotated joints ('person') or
    # of the data set's box ('bbox'), 'px', each 'limb', or the distance of two of the person's own
    # joints, left and right as the person has them
    unit: str | tuple[str, str] = 'given'
    points: str = 'share'               # of correct joints, 'area' under its curve, or 'distance'
    leaves_out: bool = False            # people without a unit; otherwise they are an error

    @property
    def title(self) -> str:
        return (f'{self.measure}@{self.threshold:g} ({self.name})' if self.points == 'share'
                else f'{self.measure} ({self.unit_name})')

    @property
    def thresholds(self) -> ndarray:
        """(T,) thresholds of the curve, from 0 to its end.

        They are a hundredth apart as in MPII's evaluation, but there are 20 to 100 steps.
        """
        steps = int(np.clip(round(self.curve * 100), 20, 100))
        return np.arange(steps + 1) * self.curve / steps

    @property
    def more_totals(self) -> tuple[str, ...]:
        """Names of the totals of other points than the main ones."""
        if self.points != 'share':
            return ()
        return ('Total@0.1', 'AUC') if self.fine else ('AUC',)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all scores, without those of visible and of occluded joints."""
        return 'Total', *self.groups, *self.more_totals

    def check(self, dataset: str, names: Sequence[str]) -> None:
        """Raise a ``ConfigError`` for joints of the protocol that a skeleton does not have."""
        of_unit = (chain(*chain(*LIMBS.values())) if self.unit == 'limb'
                   else () if isinstance(self.unit, str) else self.unit)
        scored = () if self.unit == 'limb' else (*chain(*self.groups.values()), *self.scored)
        for where, joints in (('scores', scored), ('measures by', of_unit)):
            unknown = [joint for joint in joints if joint not in names]
            if unknown:
                raise ConfigError(f'{self.measure} {where} {unknown[0]!r}, which is no keypoint of '
                                  f"{dataset}; it has {', '.join(names)}")

    def units(self, people: People, names: Sequence[str]) -> ndarray:
        """Return (P,) the unit of each person in px; NaN or 0 without one."""
        if not isinstance(self.unit, str):
            partner = opposites(names)
            own, swapped = (np.linalg.norm(np.subtract(*(
                people.keypoints_image[:, names.index(joint)] for joint in pair)), axis=-1)
                for pair in (self.unit, [partner.get(joint, joint) for joint in self.unit]))
            return np.where(people.sides_swapped, swapped, own)
        if self.unit == 'person':
            return pck.box_side(people.keypoints_image)
        if self.unit == 'bbox':
            return pck.box_side(people.bbox_image.reshape(-1, 2, 2))
        return np.ones(len(people.pck_unit)) if self.unit == 'px' else people.pck_unit

    def distances(self, predicted: ndarray, people: People, names: Sequence[str]) -> ndarray:
        """Return (P, N) distances of (P, K, 2) joints, image px, from the annotated ones.

        The N joints, or limbs, are those of :meth:`counted`; see :mod:`.pck`.
        """
        truth = people.keypoints_image
        if self.unit == 'limb':
            return pck.limb_distances(predicted, truth, [
                [[names.index(joint) for joint in end] for end in ends] for ends in LIMBS.values()])
        unit = self.units(people, names)
        if self.leaves_out:
            truth = np.where(((unit > 0) & (unit < np.inf))[:, None, None], truth, np.nan)
        return pck.normalised_distances(predicted, truth, unit)

    def counted(self, names: Sequence[str]) -> Sequence[str]:
        """Return the names of the columns of :meth:`distances`."""
        return tuple(LIMBS) if self.unit == 'limb' else names

    def tally(self, distances: ndarray, occluded: ndarray) -> ndarray:
        """Return (P, C, N), of which sums over people give all :meth:`scores`.

        The C rows are: whether a joint is annotated; whether it is occluded too, and its main
        points then; its main points; and those of :attr:`more_totals`.

        Args:
            distances: (P, N).
            occluded: (P, K) bool; where N is not K, limbs were measured, which are not occluded.
        """
        annotated = ~np.isnan(distances)
        hidden = annotated & (occluded if occluded.shape == distances.shape else False)
        if self.points == 'distance':
            percent = 1 if self.unit == 'px' else 100
            points = [percent * np.where(annotated, distances, 0)]
        else:
            points = [pck.area_under_curve(distances, self.thresholds)]
            if self.points == 'share':
                thresholds = (self.threshold, self.fine) if self.fine else (self.threshold,)
                points[:0] = [np.where(distances <= limit, 100.0, 0) for limit in thresholds]
        return np.stack([annotated, hidden, np.where(hidden, points[0], 0), *points], axis=1)

    def scores(self, tally: ndarray, names: Sequence[str]) -> dict[str, ndarray]:
        """Return scores (...) by name, of sums (..., C, N) of a :meth:`tally`.

        They are in percent, except distances in px.
        """
        annotated, hidden, of_hidden, main, *more = np.moveaxis(tally, -2, 0)
        scores = self.rows(main, annotated, names)
        scores |= {name: self._total(points, annotated, names)
                   for name, points in zip(self.more_totals, more)}
        if hidden.any():
            parts = (main - of_hidden, annotated - hidden), (of_hidden, hidden)
            scores |= {name: self._total(*part, names) for name, part in zip(PARTS, parts)}
        return scores

    def rows(self, points: ndarray, annotated: ndarray, names: Sequence[str]
             ) -> dict[str, ndarray]:
        """Return the total and each group (...), of sums (..., N) of points over people."""
        return dict(Total=self._total(points, annotated, names), **{
            group: pck.mean_of_joints(points, annotated, [names.index(joint) for joint in joints])
            for group, joints in self.groups.items()})

    def _total(self, points: ndarray, annotated: ndarray, names: Sequence[str]) -> ndarray:
        total = pck.pooled_mean if self.pooled else pck.mean_of_joints
        return total(points, annotated, [names.index(joint) for joint in self.scored])


@dataclass
class Table:
    """The scores of some people, and their 95 % intervals."""

    protocol: Protocol
    sums: ndarray                       # (I, C, N) of the protocol's tally, for each image
    names: Sequence[str]                # of the N joints or limbs

    @classmethod
    def of(cls, protocol: Protocol, distances: ndarray, occluded: ndarray,
           images: Sequence[str], names: Sequence[str]) -> Table:
        """Make the table of (P, N) distances, with (P, K) occluded and (P,) images."""
        return cls(protocol, by_image(protocol.tally(distances, occluded), image_index(images)),
                   names)

    @cached_property
    def scores(self) -> dict[str, float]:
        """The score by name; NaN where no joint is annotated."""
        totals = self.protocol.scores(self.sums.sum(0), self.names)
        return {name: float(score) for name, score in totals.items()}

    def curves(self, correct: ndarray) -> dict[str, ndarray]:
        """Return (T,) percentages for (T, N) correct joints: the total and each group."""
        return self.protocol.rows(100 * correct, self.sums[:, 0].sum(0), self.names)

    @cached_property
    def resampled(self) -> dict[str, ndarray]:
        """(B,) scores by name, of the same resamples for all tables of the same images."""
        return self.protocol.scores(resampled(self.sums), self.names)

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Bounds of the 95 % interval by name."""
        return {name: interval95(self.resampled[name]) for name in self.scores}


Difference = tuple[float, float, float]         # and the bounds of its 95 % interval


def differences(one: Table, other: Table) -> dict[str, Difference]:
    """Return the differences of two tables of the same images by name; their intervals are paired.

    The scores differ, by more than chance explains, where the interval does not contain 0.
    """
    return {name: (one.scores[name] - other.scores[name],
                   *interval95(one.resampled[name] - other.resampled[name]))
            for name in one.scores}


def _sides(*parts: str) -> dict[str, tuple[str, str]]:
    return {part.capitalize(): (f'right_{part}', f'left_{part}') for part in parts}


_PAIRS = _sides('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
_NECK_AND_HEAD = dict(Head=('upper_neck', 'head_top'), **_PAIRS)
_HEAD_TOP = dict(Head=('head_top',), **_PAIRS)
_FOURTEEN = tuple(chain(*_NECK_AND_HEAD.values()))      # all but pelvis and thorax

_HEAD, _LIMB = "0.6 x the diagonal of the head's box", "the limb's length"
_TORSO = 'the torso, right shoulder to left hip'
_OTHER_TORSO = 'the torso, left shoulder to right hip'
_BOX = "the longer side of the box around the person's joints"

MPII = {protocol.name: protocol for protocol in (
    # MPII's own evaluation, in the papers' tables
    Protocol('official', 'PCKh', _HEAD, _NECK_AND_HEAD, _FOURTEEN),
    # HRNet, SimpleBaseline, FPD: what they print as "@0.1" is at 0.11
    Protocol('hrnet', 'PCKh', _HEAD, _HEAD_TOP, _FOURTEEN, fine=0.11),
    # Tompson's script, bearpaw, anibali
    Protocol('tompson', 'PCKh', _HEAD, _HEAD_TOP, _FOURTEEN, pooled=False),
    # pytorch_stacked_hourglass: pelvis and thorax, which are easy, count too
    Protocol('princeton', 'PCKh', _HEAD, dict(_HEAD_TOP, Neck=('upper_neck',), Pelvis=('pelvis',),
                                              Thorax=('thorax',)),
             (*_FOURTEEN, 'pelvis', 'thorax')))}

_FLIC = dict(**_sides('elbow', 'wrist', 'shoulder', 'hip'), Face=('left_eye', 'right_eye', 'nose'))

_ELEVEN = tuple(chain(*_FLIC.values()))

FLIC = {protocol.name: protocol for protocol in (
    # the unit in the files of the hourglass paper's authors
    Protocol('torso', 'PCK', _TORSO, _FLIC, _ELEVEN, threshold=0.2, curve=0.2,
             unit=('right_shoulder', 'left_hip')),
    # MODEC's own script (Sapp and Taskar)
    Protocol('modec', 'PCK', _OTHER_TORSO, _FLIC, _ELEVEN, threshold=0.2, curve=0.2,
             unit=('left_shoulder', 'right_hip')))}

# Sticks of ten limbs (Ferrari et al., CVPR 2008): an end is the middle of the joints named
LIMBS = {
    'torso': (('right_shoulder', 'left_shoulder'), ('right_hip', 'left_hip')),
    **{f'{side}_{limb}': ((f'{side}_{start}',), (f'{side}_{end}',))
       for limb, start, end in (('thigh', 'hip', 'knee'), ('calf', 'knee', 'ankle'),
                                ('upper_arm', 'shoulder', 'elbow'), ('forearm', 'elbow', 'wrist'))
       for side in ('right', 'left')},
    'head': (('upper_neck',), ('head_top',))}
_LIMB_PAIRS = dict(Torso=('torso',), **{
    name: (f'right_{limb}', f'left_{limb}') for name, limb in (
        ('Thigh', 'thigh'), ('Calf', 'calf'), ('Upper arm', 'upper_arm'), ('Forearm', 'forearm'))},
    Head=('head',))

LSP = {protocol.name: protocol for protocol in (
    # the papers' tables
    Protocol('official', 'PCK', _OTHER_TORSO, _NECK_AND_HEAD, _FOURTEEN, threshold=0.2, curve=0.2,
             unit=('left_shoulder', 'right_hip')),
    # Yang and Ramanan (PAMI 2013)
    Protocol('person', 'PCK', _BOX, _NECK_AND_HEAD, _FOURTEEN, threshold=0.2, curve=0.2,
             unit='person'),
    # strict: both ends within half the limb's length
    Protocol('pcp', 'strict PCP', _LIMB, _LIMB_PAIRS, tuple(LIMBS), pooled=False, unit='limb'))}

PROTOCOLS = dict(mpii=MPII, flic=FLIC, lsp=LSP)


# unit of a table of one's own -> the protocol's, and its name
_OWN_UNITS: dict[str, tuple[str | tuple[str, str], str]] = dict(
    given=('given', "the data set's unit"),
    person=('person', 'the longer side of the box around the annotated keypoints'),
    bbox=('bbox', "the longer side of the person's box"),
    torso=(('left_shoulder', 'right_hip'), _OTHER_TORSO),
    head=(('upper_neck', 'head_top'), 'the head, upper neck to head top'),
    px=('px', 'px'))


def own_protocol(measure: str, groups: Mapping[str, Sequence[str]], threshold: float,
                 unit: str | Sequence[str], points: str = 'share') -> Protocol:
    """Return the protocol of a table of one's own; ``ConfigError`` for one that cannot be made.

    ``groups``, ``threshold`` and ``unit`` are those of :class:`.own_metrics.PCK`.
    """
    if not isinstance(groups, Mapping) or not groups or not all(
            keypoints and not isinstance(keypoints, str) for keypoints in groups.values()):
        raise ConfigError(f'{measure}: groups={groups!r}, a row with at least one keypoint needed, '
                          "as in dict(Nose=['nose'])")
    if taken := {'Total', 'AUC', *PARTS}.intersection(groups):
        raise ConfigError(f'{measure}: groups names a row {taken.pop()!r}, as every table has one; '
                          'name it otherwise')
    if isinstance(unit, str) and unit in _OWN_UNITS:
        measured_by, unit_name = _OWN_UNITS[unit]
    elif isinstance(unit, (list, tuple)) and len(unit) == 2:
        measured_by, unit_name = (unit[0], unit[1]), f'the distance from {unit[0]} to {unit[1]}'
    else:
        raise ConfigError(f'{measure}: unit={unit!r}, choose from {", ".join(_OWN_UNITS)}, or name '
                          'two keypoints')
    if not isinstance(threshold, (int, float)) or not 0 < threshold < np.inf or (
            threshold > 1 and unit != 'px'):
        raise ConfigError(f'{measure}: threshold={threshold!r}, a number above 0 and at most 1 '
                          'needed (0.2 is a fifth of the unit)')
    return Protocol(
        'own', measure, unit_name, groups, tuple(dict.fromkeys(chain(*groups.values()))),
        threshold=threshold, curve=threshold, fine=None, unit=measured_by, points=points,
        leaves_out=measured_by not in ('given', 'bbox'))


def find_protocol(dataset: str, name: str | None = None) -> Protocol:
    """Return a data set's protocol, its first by default; an unknown name is a ``ConfigError``."""
    choices = PROTOCOLS[dataset]
    if name not in (None, *choices):
        raise ConfigError(f'{dataset} has no protocol {name!r}, choose from {", ".join(choices)}')
    return choices[name or next(iter(choices))]
