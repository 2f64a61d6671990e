"""Protocols: the same predictions get a different score under each of them.

A protocol measures distances, and makes a table of their :class:`hourglass.evaluation.pck.Counts`.
Joints are found by name, so one protocol works for every skeleton that has them.
"""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy import ndarray

from hourglass.errors import ConfigError
from hourglass.evaluation import pck
from hourglass.evaluation.pck import Counts


@dataclass(frozen=True)
class Protocol:
    """How a table of percentages is made."""

    name: str                           # as given on a command line or in a config
    measure: str                        # PCKh, PCK or PCP, for titles
    unit_name: str                      # for titles and messages
    groups: Mapping[str, Sequence[str]]         # row of the table -> the joints that it averages
    scored: Sequence[str]               # the joints of the total
    pooled: bool = True                 # total: of all joints together, or the mean of each joint's
    threshold: float = 0.5              # of the main numbers, in units of the person
    curve: float = 0.5                  # highest threshold of the curve and its area
    fine: float = 0.1                   # of the stricter total that papers call "@0.1"
    # the data set's ('given'), the longer side of the joints' box ('person') or each 'limb'
    unit: str = 'given'

    @property
    def title(self) -> str:
        return f'{self.measure}@{self.threshold:g} ({self.name})'

    @property
    def thresholds(self) -> ndarray:
        """(T,) thresholds to count at: 0 to ``curve`` by hundredths, as in MPII's evaluation."""
        return np.arange(round(self.curve * 100) + 1) / 100

    def distances(self, predicted: ndarray, truth: ndarray, unit: ndarray,
                  names: Sequence[str]) -> ndarray:
        """Return (P, N) distances of (P, K, 2) joints in image px, given (P,) units in px.

        The N joints, or limbs, are those of :meth:`counted`; see :mod:`.pck`.
        """
        if self.unit == 'limb':
            return pck.limb_distances(predicted, truth, [
                [[names.index(joint) for joint in end] for end in ends] for ends in LIMBS.values()])
        if self.unit == 'person':
            unit = pck.box_side(truth[:, [names.index(joint) for joint in self.scored]])
        return pck.normalised_distances(predicted, truth, unit)

    def counted(self, names: Sequence[str]) -> Sequence[str]:
        """Return the names of the columns of :meth:`distances`."""
        return tuple(LIMBS) if self.unit == 'limb' else names

    def table(self, counts: Counts, names: Sequence[str]) -> dict[str, float]:
        """Return the numbers in percent: Total, one per group, the fine total, and AUC.

        The counts are at ``thresholds``, and the names those of :meth:`counted`.
        """
        main = counts.at(self.threshold)
        return {
            'Total': float(self.total(main, names)[0]),
            **{group: float(curve[0]) for group, curve in self.curves(main, names).items()},
            'Total@0.1': float(self.total(counts.at(self.fine), names)[0]),
            'AUC': pck.area_under_curve(counts.thresholds, self.total(counts, names))}

    def scores(self, apart: Sequence[Counts], names: Sequence[str]) -> dict[str, float]:
        """Return the table of :func:`.pck.count_apart`, with the totals of its parts if any."""
        table, visible, occluded = (self.table(counts, names) for counts in apart)
        if apart[-1].annotated.any():
            table |= dict(Visible=visible['Total'], Occluded=occluded['Total'])
        return table

    def total(self, counts: Counts, names: Sequence[str]) -> ndarray:
        """Return (T,) the total at every threshold."""
        total = pck.pooled_pck if self.pooled else pck.mean_pck
        return total(counts, [names.index(joint) for joint in self.scored])

    def curves(self, counts: Counts, names: Sequence[str]) -> dict[str, ndarray]:
        """Return (T,) for every group."""
        return {group: pck.mean_pck(counts, [names.index(joint) for joint in joints])
                for group, joints in self.groups.items()}


def _sides(*parts: str) -> dict[str, tuple[str, str]]:
    return {part.capitalize(): (f'right_{part}', f'left_{part}') for part in parts}


_PAIRS = _sides('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
_NECK_AND_HEAD = dict(Head=('upper_neck', 'head_top'), **_PAIRS)
_HEAD_TOP = dict(Head=('head_top',), **_PAIRS)
_FOURTEEN = tuple(chain(*_NECK_AND_HEAD.values()))      # all but pelvis and thorax

_HEAD, _TORSO = "0.6 x the diagonal of the head's box", 'the torso'
_BOX, _LIMB = "the longer side of the person's box", "the limb's length"

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

# Sapp and Taskar's unit: right shoulder to left hip, person-centric, as the data set gives it
FLIC = dict(torso=Protocol('torso', 'PCK', _TORSO, _FLIC, tuple(chain(*_FLIC.values())),
                           threshold=0.2, curve=0.2))

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
    Protocol('torso', 'PCK', _TORSO, _NECK_AND_HEAD, _FOURTEEN, threshold=0.2, curve=0.2),
    # Yang and Ramanan (PAMI 2013)
    Protocol('person', 'PCK', _BOX, _NECK_AND_HEAD, _FOURTEEN, threshold=0.2, curve=0.2,
             unit='person'),
    # strict: both ends within half the limb's length
    Protocol('pcp', 'strict PCP', _LIMB, _LIMB_PAIRS, tuple(LIMBS), pooled=False, unit='limb'))}

PROTOCOLS = dict(mpii=MPII, flic=FLIC, lsp=LSP)


def find_protocol(dataset: str, name: str | None = None) -> Protocol:
    """Return a data set's protocol, its first by default; an unknown name is a ``ConfigError``."""
    choices = PROTOCOLS[dataset]
    if name not in (None, *choices):
        raise ConfigError(f'{dataset} has no protocol {name!r}, choose from {", ".join(choices)}')
    return choices[name or next(iter(choices))]
