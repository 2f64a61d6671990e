"""Leeds Sports Pose and LSP Extended (Johnson & Everingham, BMVC 2010, CVPR 2011): 14 joints."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hourglass.datasets import skeletons
from hourglass.datasets.base import PersonDataset
from hourglass.datasets.lsp.files import read_lsp
from hourglass.datasets.person import Person
from hourglass.errors import ConfigError, DataError
from hourglass.io.images import image_size
from hourglass.registry import DATASETS


@DATASETS.register_module()
class LspDataset(PersonDataset):
    """LSP or LSP Extended from ``joints.mat`` and the images.

    Args:
        split: ``'train'`` or ``'test'``.
        crop: ``'image'``, the square around the whole image, as in reported test results on LSP
            (it gives the network no annotation); ``'joints'``, around the annotated joints, for
            training on images that show more than the person.
        kwargs: as for :class:`PersonDataset`; ``skeleton='mpii'`` is for networks of MPII.
    """

    METAINFO = skeletons.LSP

    def __init__(self, split: str, crop: str = 'image', ann_file: str = 'joints.mat',
                 **kwargs: Any):
        if crop not in ('image', 'joints'):
            raise ConfigError(f"LspDataset: crop={crop!r}, choose from ('image', 'joints')")
        self.split, self.crop = split, crop
        super().__init__(ann_file=ann_file, **kwargs)

    def read_people(self) -> list[Person]:
        people = read_lsp(self.ann_file, self.split)
        for person in people if self.crop == 'image' else ():
            try:
                size = np.array(image_size(Path(self.data_prefix['img'], person.image_name)), float)
            except DataError:           # missing or broken: the checks name all of these images
                continue
            person.center_image, person.side_image = (size - 1) / 2, float(size.max())
        return people
