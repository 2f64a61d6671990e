"""FLIC, Frames Labeled In Cinema: 5,003 people seen from the hips up (Sapp & Taskar, CVPR 2013)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hourglass.datasets import skeletons
from hourglass.datasets.base import PersonDataset
from hourglass.datasets.flic.files import read_flic
from hourglass.datasets.person import Person
from hourglass.registry import DATASETS


@DATASETS.register_module()
class FlicDataset(PersonDataset):
    """FLIC from ``examples.mat`` or an h5 file; split and labels as for :func:`.files.read_flic`.

    For training with another ``skeleton`` its hips count as not annotated, as they lie higher and
    wider than MPII's and LSP's.
    """

    METAINFO = skeletons.FLIC
    elsewhere = 'left_hip', 'right_hip'

    def __init__(self, split: str | Sequence[str] | None = None, labels: str | None = None,
                 ann_file: str = 'examples.mat', **kwargs: Any):
        self.split, self.labels = split, labels
        super().__init__(ann_file=ann_file, **kwargs)

    def read_people(self) -> list[Person]:
        return read_flic(self.ann_file, self.split, self.labels)
