"""A network with the steps before and after it as one module that can be exported; torch only."""
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.models.stages import up_to_stage


class Deployed(nn.Module):
    """Pixels (B, 3, H, W) -> heatmaps (B, K, h, w), or keypoints (B, K, 2) and scores (B, K).

    Pixels are 0 to 255 in OpenCV's order, blue, green, red, of any numeric type. Keypoints are in
    input px, 0-based. Raises ``ConfigError`` for a stage that a StackedHourglass does not have.

    Args:
        network: returns the outputs of all its stages; it is not changed.
        mean, std: of each channel in the network's order; it takes ``(pixels - mean) / std``.
        rgb: whether the network expects red, green, blue.
        stage: the stage to predict from; -1 is the last. Layers of later stages are left out.
        to_heatmaps: makes heatmaps from the output of that stage; None if it is heatmaps.
        flip_indices: for each keypoint its counterpart in a mirrored image. If given, the heatmaps
            are averaged with those of the mirrored image, without any shift.
        decode: makes keypoints and scores from heatmaps; None returns the heatmaps.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float],
                 rgb: bool = True, stage: int = -1, to_heatmaps: nn.Module | None = None,
                 flip_indices: Sequence[int] | None = None, decode: DecodeHeatmaps | None = None):
        super().__init__()
        self.network, self.stage = up_to_stage(network, stage)
        for name, values in (('mean', mean), ('std', std)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(-1, 1, 1))
        self.rgb, self.to_heatmaps, self.decode = rgb, to_heatmaps or nn.Identity(), decode
        self.flip_indices = None if flip_indices is None else list(flip_indices)

    def forward(self, pixels: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        heatmaps = self.heatmaps(pixels)
        return heatmaps if self.decode is None else self.decode(heatmaps)

    def heatmaps(self, pixels: Tensor) -> Tensor:
        """Return the heatmaps (B, K, h, w), also where the module decodes them."""
        images = pixels.flip(1) if self.rgb else pixels
        images = (images.float() - self.mean) / self.std                # (B, 3, H, W)
        if self.flip_indices is None:
            return self.to_heatmaps(self.network(images)[self.stage])
        both = torch.cat([images, images.flip(-1)])         # one pass is faster than two
        heatmaps, mirrored = self.to_heatmaps(self.network(both)[self.stage]).unflatten(0, (2, -1))
        return (heatmaps + mirrored.flip(-1)[:, self.flip_indices]) / 2
