"""MPII Human Pose (Andriluka et al., CVPR 2014): 16 joints, PCKh by the size of the head."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hourglass.datasets import skeletons
from hourglass.datasets.base import PersonDataset
from hourglass.datasets.mpii.files import read_mpii
from hourglass.datasets.person import Person
from hourglass.registry import DATASETS


@DATASETS.register_module()
class MpiiDataset(PersonDataset):
    """MPII from any published form of its annotations; mmpose's data folder works unchanged.

    Args:
        ann_file, split: as for :func:`hourglass.datasets.mpii.files.read_mpii`.
        head_box_file: ``annotations/mpii_gt_val.mat``, to evaluate with a JSON without head boxes.
        kwargs: as for :class:`PersonDataset`. With ``skeleton='lsp'``, for networks of LSP, the
            joints are those that MPII's official score counts.
    """

    METAINFO = skeletons.MPII
    no_unit = ('no head box to measure PCKh by, as a test needs; set head_box_file to '
               'mpii_gt_val.mat')

    def __init__(self, ann_file: str, split: str | None = None, head_box_file: str | None = None,
                 **kwargs: Any):
        self.split, self.head_box_file = split, head_box_file
        super().__init__(ann_file=ann_file, **kwargs)

    def read_people(self) -> list[Person]:
        boxes = self.head_box_file and Path(self.data_root, self.head_box_file)
        return read_mpii(self.ann_file, self.split, boxes)

    def _sample(self, sample_id: int, person: Person) -> dict:
        """Add the size of the head by which mmpose's ``PCKAccuracy`` measures."""
        return super()._sample(sample_id, person) | dict(
            head_size=np.array([[person.pck_unit]], np.float32))
