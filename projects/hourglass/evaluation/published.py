"""Published results in percent, to compare with; scores that a source does not give are absent.

MPII: PCKh@0.5 of single networks at 256x256 with flip test. FLIC: PCK@0.2 of the torso,
observer-centric. Each stands under the protocol its authors counted by.
"""
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One row of a table.

    Attributes:
        name: of the method.
        people: the split that was scored.
        protocol: a name in :mod:`hourglass.evaluation.protocols`.
        scores: named as in that protocol's table.
    """

    name: str
    people: str
    protocol: str
    scores: Mapping[str, float]


_VAL, _TEST = 'val', 'test'

PUBLISHED = dict(
    mpii=(
        Published('Hourglass (paper, 8 stacks)', _TEST, 'official', dict(
            Total=90.9, Head=98.2, Shoulder=96.3, Elbow=91.2, Wrist=87.1, Hip=90.1, Knee=87.4,
            Ankle=83.6)),
        Published('Hourglass (released predictions)', _VAL, 'official', dict(Total=88.04)),
        Published('bearpaw hg8', _VAL, 'tompson', dict(Total=89.1)),
        Published('FPD hg8', _VAL, 'hrnet', dict(Total=90.52)),
        Published('FPD hg4, 128 features', _VAL, 'hrnet', dict(Total=87.93)),
        Published('the same, distilled', _VAL, 'hrnet', dict(Total=89.04)),
        Published('mmpose hourglass52', _VAL, 'hrnet', dict(Total=88.9)),
        Published('mmpose HRNet-W32', _VAL, 'hrnet', dict(Total=90.0)),
        Published('mmpose HRNet-W48, DARK', _VAL, 'hrnet', dict(Total=90.5))),
    flic=(
        Published('Hourglass (paper, 8 stacks)', _TEST, 'torso', dict(Elbow=99.0, Wrist=97.0)),
        Published('Wei et al.', _TEST, 'torso', dict(Elbow=97.6, Wrist=95.0)),
        Published('Chen and Yuille', _TEST, 'torso', dict(Elbow=95.3, Wrist=92.4)),
        Published('Tompson et al. 2015', _TEST, 'torso', dict(Elbow=93.1, Wrist=89.0)),
        Published('Toshev and Szegedy', _TEST, 'torso', dict(Elbow=92.3, Wrist=82.0)),
        Published('Sapp and Taskar (MODEC)', _TEST, 'torso', dict(Elbow=76.5, Wrist=59.1))),
    lsp=())
