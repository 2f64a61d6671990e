"""Published results in percent, for comparison; scores that a source does not give are absent.

MPII: PCKh@0.5 of single networks at 256x256 with flip test. FLIC: PCK@0.2 of the torso,
observer-centric. Each row names the protocol that its authors used.
"""
from collections.abc import Mapping

Row = tuple[str, str, Mapping[str, float]]      # method and split, protocol, scores of its table

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
        ('Wei et al., test', 'torso', dict(Elbow=97.6, Wrist=95.0)),
        ('Chen and Yuille, test', 'torso', dict(Elbow=95.3, Wrist=92.4)),
        ('Tompson et al. 2015, test', 'torso', dict(Elbow=93.1, Wrist=89.0)),
        ('Toshev and Szegedy, test', 'torso', dict(Elbow=92.3, Wrist=82.0)),
        ('Sapp and Taskar (MODEC), test', 'torso', dict(Elbow=76.5, Wrist=59.1))),
    lsp=())
