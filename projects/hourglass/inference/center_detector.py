"""Finding people with an hourglass; needs torch alone."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy import ndarray

from hourglass.checkpoints import import_checkpoint
from hourglass.datasets.crop import fitted_image
from hourglass.errors import CheckpointError
from hourglass.models.centers import find, sides_for
from hourglass.models.fuse import fuse


class HourglassDetector:
    """Finds people: an image (H, W, 3) uint8 BGR to boxes (N, 5), as :class:`.OnnxDetector`.

    Args:
        path: weights of a :class:`hourglass.models.person_detector.CenterDetector`.
        device: that the network runs on.

    Raises:
        CheckpointError: if the file cannot be read, or holds no detector.
    """

    def __init__(self, path: str | Path, device: torch.device):
        network, report = import_checkpoint(path)
        if report['head'] is None:
            raise CheckpointError(f'{path}: a network of keypoints, not a detector')
        self.device, head = device, report['head']
        self.longer_side, self.maps = int(head.longer_side), head.maps[-1].to(device)
        self.multiple = sides_for(network.depth)
        self.network = fuse(network).to(device)
        self.mean, self.std = (torch.tensor(numbers, device=device).view(-1, 1, 1)
                               for numbers in report['pixels'])

    @torch.inference_mode()
    def __call__(self, image: ndarray) -> ndarray:
        pixels, zoom = fitted_image(image, self.longer_side, self.multiple)
        rgb = torch.from_numpy(np.ascontiguousarray(pixels[..., ::-1])).to(self.device)
        images = (rgb.permute(2, 0, 1)[None] - self.mean) / self.std    # channels innermost
        boxes = find(lambda batch: self.maps(self.network(batch)[-1]), images)[0].cpu().numpy()
        return np.column_stack([boxes[:, :4] / zoom, boxes[:, 4]])
