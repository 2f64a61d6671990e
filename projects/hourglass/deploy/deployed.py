"""What happens around the network when it predicts, as modules that can be exported; torch only.

From pixels to heatmaps, or to keypoints: what mmpose spreads over its data preprocessor, its
estimator's flip test and the head, and :class:`hourglass.codecs.HourglassHeatmap` does in numpy.
"""
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hourglass.models.stages import up_to_stage


class Deployed(nn.Module):
    """Pixels (B, 3, H, W) -> heatmaps (B, K, h, w), or keypoints (B, K, 2) and scores (B, K).

    ``pixels`` are 0 to 255 in OpenCV's order, blue, green, red, in any type of numbers. Keypoints
    are in input px.

    Args:
        network: what gives the outputs of every stage.
        mean, std: what is taken off the pixels, and what they are divided by; a number per channel
            in the network's own order.
        rgb: whether that order is red, green, blue.
        stage: whose heatmaps are asked for; -1 is the last. What only later stacks need is left
            out, and ``network`` itself stays as it is.
        to_heatmaps: what makes heatmaps of that stage's output; None where it is heatmaps.
        flip_indices: the keypoint that each becomes in a mirrored image. Given, the heatmaps are
            averaged with those of the mirrored image, without any shift.
        decode: from heatmaps to keypoints and scores, a :class:`DecodeHeatmaps`.

    Raises:
        ConfigError: for a stage that a StackedHourglass does not have.
    """

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float],
                 rgb: bool = True, stage: int = -1, to_heatmaps: nn.Module | None = None,
                 flip_indices: Sequence[int] | None = None, decode: nn.Module | None = None):
        super().__init__()
        self.network, self.stage = up_to_stage(network, stage)
        for name, values in (('mean', mean), ('std', std)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(-1, 1, 1))
        self.rgb, self.to_heatmaps, self.decode = rgb, to_heatmaps, decode
        self.flip_indices = None if flip_indices is None else list(flip_indices)

    def forward(self, pixels: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        heatmaps = self.heatmaps(pixels)
        return heatmaps if self.decode is None else self.decode(heatmaps)

    def heatmaps(self, pixels: Tensor) -> Tensor:
        """(B, K, h, w), whether they are to be decoded or not."""
        images = pixels.flip(1) if self.rgb else pixels
        images = (images.float() - self.mean) / self.std                # (B, 3, H, W)
        if self.flip_indices is None:
            return self._predict(images)
        # one pass for both is faster than two
        plain, mirrored = self._predict(torch.cat([images, images.flip(-1)])).unflatten(0, (2, -1))
        return (plain + mirrored.flip(-1)[:, self.flip_indices]) / 2

    def _predict(self, images: Tensor) -> Tensor:
        output = self.network(images)[self.stage]
        return output if self.to_heatmaps is None else self.to_heatmaps(output)
