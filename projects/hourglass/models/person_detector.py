"""The detector of people as mmengine's runner trains and tests it."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor

from hourglass.errors import ConfigError
from hourglass.models.centers import CenterHead, find, losses, sides_for
from hourglass.registry import MODELS


@MODELS.register_module()
class CenterDetector(BaseModel):
    """A :class:`StackedHourglass` of features with a :class:`.centers.CenterHead`.

    Args:
        backbone: config of the network, with ``num_keypoints=None``.
        longer_side: as for the head.
        data_preprocessor: config of mmengine's ``ImgDataPreprocessor``.
    """

    def __init__(self, backbone: dict, longer_side: int, data_preprocessor: dict | None = None):
        super().__init__(data_preprocessor)
        self.backbone = MODELS.build(backbone)
        self.head = CenterHead(self.backbone.channels, self.backbone.num_stages, longer_side)

    def forward(self, inputs: Tensor, data_samples: Sequence[BaseDataElement] = (),
                mode: str = 'tensor') -> Any:
        """Images (B, 3, H, W) -> the maps of each stack; with ``mode='loss'`` their losses.

        With ``mode='predict'`` the samples, with boxes (P, 5) in image px as ``found``, which are
        found at the image's size and at half of it (:func:`.centers.find`). H and W then have to be
        multiples of :func:`.centers.sides_for` the network's depth, or ``ConfigError`` is raised.
        """
        if mode == 'predict':
            return self._predict(inputs, data_samples)
        stages = self.head(self.backbone(inputs))
        if mode == 'tensor':
            return stages
        return losses(stages, [sample.boxes for sample in data_samples])

    def _predict(self, images: Tensor, data_samples: Sequence[BaseDataElement]
                 ) -> Sequence[BaseDataElement]:
        multiple = sides_for(self.backbone.depth)
        if any(side % multiple for side in images.shape[2:]):
            raise ConfigError(f'images of {images.shape[3]}x{images.shape[2]} px: sides have to be '
                              f'multiples of {multiple}; set multiple={multiple} in FitImage')
        found = find(lambda batch: self.head(self.backbone(batch))[-1], images)
        for sample, boxes in zip(data_samples, found):
            sample.found = boxes.cpu().numpy()
            sample.found[:, :4] /= sample.zoom
        return data_samples
