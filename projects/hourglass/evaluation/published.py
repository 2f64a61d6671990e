"""Published results in percent, for comparison; scores that a source does not give are absent.

MPII: PCKh@0.5 of single networks at 256x256 with flip test. FLIC: PCK@0.2, observer-centric unless
it says otherwise. LSP: PCK@0.2 and strict PCP, person-centric. Each row names the protocol of its
authors, and none where it is not known which torso they measured by. On FLIC, Wei et al.'s released
predictions give their digits by ``modec`` (by ``torso`` they score 97.44 and 94.83).
"""
from collections.abc import Mapping
from itertools import chain

Row = tuple[str, str, Mapping[str, float]]      # method and split, protocol, scores of its table


def _lsp(name: str, *scores: float) -> tuple[Row, Row]:
    """Return the rows of PCK@0.2 and of strict PCP."""
    pck = 'Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle', 'Total'
    pcp = 'Torso', 'Thigh', 'Calf', 'Upper arm', 'Forearm', 'Head', 'Total'
    return ((f'{name}, test', 'official', dict(zip(pck, scores))),
            (f'{name}, test', 'pcp', dict(zip(pcp, scores[len(pck):]))))


PUBLISHED: dict[str, tuple[Row, ...]] = dict(
    mpii=(
        ('Hourglass (paper, 8 stacks), test', 'official', dict(
            Total=90.9, Head=98.2, Shoulder=96.3, Elbow=91.2, Wrist=87.1, Hip=90.1, Knee=87.4,
            Ankle=83.6)),
        ('Hourglass (released predictions), val', 'official', dict(Total=88.04)),
        ('bearpaw hg8, val', 'tompson', dict(Total=89.1)),
        ('FPD hg8, val', 'hrnet', dict(Total=90.52)),
        ('FPD hg4, 128 features, val', 'hrnet', dict(Total=87.93)),
        ('the same, distilled, val', 'hrnet', dict(Total=89.04)),
        ('mmpose hourglass52, val', 'hrnet', dict(Total=88.9)),
        ('mmpose HRNet-W32, val', 'hrnet', dict(Total=90.0)),
        ('mmpose HRNet-W48, DARK, val', 'hrnet', dict(Total=90.5))),
    flic=(
        ('Hourglass (paper, 8 stacks), test', 'torso', dict(Elbow=99.0, Wrist=97.0)),
        ('Hourglass (released, person-centric), test', 'torso', dict(Elbow=97.83, Wrist=95.96)),
        ('Wei et al., test', 'modec', dict(Elbow=97.6, Wrist=95.0)),
        ('Chen and Yuille, test', '', dict(Elbow=95.3, Wrist=92.4)),
        ('Tompson et al. 2015, test', '', dict(Elbow=93.1, Wrist=89.0)),
        ('Toshev and Szegedy, test', '', dict(Elbow=92.3, Wrist=82.0)),
        ('Sapp and Taskar (MODEC), test', 'modec', dict(Elbow=76.5, Wrist=59.1))),
    lsp=tuple(chain(*(_lsp(*row) for row in (
        ('Bulat and Tzimiropoulos', 97.2, 92.1, 88.1, 85.2, 92.2, 91.4, 88.7, 90.7,
         97.7, 92.4, 89.3, 86.7, 79.7, 95.2, 88.9),
        ('Wei et al.', 97.8, 92.5, 87.0, 83.9, 91.5, 90.8, 89.9, 90.5,
         98.0, 92.2, 89.1, 85.8, 77.9, 95.0, 88.3),
        ('Lifshitz et al.', 96.8, 89.0, 82.7, 79.1, 90.9, 86.0, 82.5, 86.7,
         97.3, 88.8, 84.4, 80.6, 71.4, 94.8, 84.3),
        ('Chen and Yuille', 91.8, 78.2, 71.8, 65.5, 73.3, 70.2, 63.4, 73.4,
         96.0, 77.2, 72.2, 69.7, 58.1, 85.6, 73.6),
        ('Fan et al.', 92.4, 75.2, 65.3, 64.0, 75.7, 68.3, 70.4, 73.0,
         95.4, 77.7, 69.8, 62.8, 49.1, 86.6, 70.1))))))
