"""MPII Human Pose (Andriluka et al., CVPR 2014): 16 joints, PCKh by the size of the head."""
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hourglass.datasets import skeletons
from hourglass.datasets.base import Person, PersonDataset
from hourglass.datasets.mpii.files import read_mpii
from hourglass.errors import ConfigError
from hourglass.registry import DATASETS


def with_lsp_joints(person: Person) -> Person:
    """Return the same person with LSP's 14 joints: all of MPII's but pelvis and thorax.

    These are the joints that MPII's official score counts; the PCK unit stays the head's.
    """
    ours, theirs = (skeletons.keypoint_names(info) for info in (skeletons.MPII, skeletons.LSP))
    if len(person.keypoints_image) != len(ours):
        return person                   # the checks of the data set name it
    places = [ours.index(joint) for joint in theirs]
    return replace(person, keypoints_image=person.keypoints_image[places],
                   occluded=person.occluded[places])


@DATASETS.register_module()
class MpiiDataset(PersonDataset):
    """MPII from any published form of its annotations; mmpose's data folder works unchanged.

    Args:
        ann_file, split: as for :func:`hourglass.datasets.mpii.files.read_mpii`.
        head_box_file: ``annotations/mpii_gt_val.mat``, to evaluate with a JSON without head boxes.
        skeleton: ``'mpii'``, or ``'lsp'`` for :func:`with_lsp_joints`, to train or test a network
            for LSP.
    """

    METAINFO = skeletons.MPII
    no_unit = ('no head box to measure PCKh by, as a test needs; set head_box_file to '
               'mpii_gt_val.mat')

    def __init__(self, ann_file: str, split: str | None = None, head_box_file: str | None = None,
                 skeleton: str = 'mpii', **kwargs: Any):
        if skeleton not in ('mpii', 'lsp'):
            raise ConfigError(f"MpiiDataset: skeleton={skeleton!r}, choose from ('mpii', 'lsp')")
        self.split, self.head_box_file, self.skeleton = split, head_box_file, skeleton
        super().__init__(ann_file=ann_file, **kwargs,
                         metainfo=skeletons.LSP if skeleton == 'lsp' else None)

    def read_people(self) -> list[Person]:
        boxes = self.head_box_file and Path(self.data_root, self.head_box_file)
        people = read_mpii(self.ann_file, self.split, boxes)
        return people if self.skeleton == 'mpii' else [with_lsp_joints(p) for p in people]

    def _sample(self, index: int, image: int, person: Person) -> dict:
        """Add the size of the head by which mmpose's ``PCKAccuracy`` measures."""
        return super()._sample(index, image, person) | dict(
            head_size=np.array([[person.pck_unit]], np.float32))
