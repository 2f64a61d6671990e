"""One long hourglass, which the paper compares with stacked ones (section 4.3: HG and HG-Int)."""
from __future__ import annotations

from typing import Any

import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from torch import Tensor, nn

from hourglass.errors import ConfigError
from hourglass.models.backbone import StackedHourglass, check_input, start_near_zero
from hourglass.models.network import Hourglass, prediction_features


class LongHourglass(nn.Module):
    """A single hourglass: images (B, 3, H, W) -> 1 + ``side_predictions`` heatmaps (B, K, h, w).

    With ``blocks_per_scale=N`` it has the residual modules of N stacks in one. A loss on its output
    alone is the paper's "HG". "HG-Int" also predicts on its way up, at the next lower resolutions
    before that of the output; these predictions come first, the lowest resolution leading. Each
    follows a residual module and the linear layer that every prediction has, by which HG-Int is
    larger than HG. The paper does not say how the loss compares heatmaps of two sizes; here a side
    prediction is enlarged to the size of the output, so that all share one target. Raises
    ``ConfigError`` for more ``side_predictions`` than there are resolutions on the way up, or for
    arguments of stacks.

    Args:
        side_predictions: resolutions below the output that predict, too. HG: 0, HG-Int: 2.
        num_keypoints: K.
        heatmap_std, kwargs: as for :class:`hourglass.models.backbone.StackedHourglass`.
    """

    def __init__(self, side_predictions: int = 0, num_keypoints: int = 16,
                 heatmap_std: float | None = None, **kwargs: Any):
        super().__init__()
        if foreign := {'num_stacks', 'with_cp', 'frozen_stages', 'norm_eval', 'init_cfg',
                       'norm_cfg', 'act_cfg', 'out_indices'} & set(kwargs):
            raise ConfigError(f'LongHourglass: {min(foreign)} is not for a single hourglass; leave '
                              'it out; blocks_per_scale sets its length')
        one = StackedHourglass(
            num_stacks=1, num_keypoints=num_keypoints, heatmap_std=heatmap_std, **kwargs)
        if not 0 <= side_predictions < one.depth or one.heatmaps is None:
            raise ConfigError(f'LongHourglass: side_predictions={side_predictions} and '
                              f'num_keypoints={num_keypoints}; give 0 to {one.depth - 1} and a '
                              'number of keypoints')
        self.stem, self.depth, self.in_channels = one.stem, one.depth, one.in_channels
        self.hourglasses, self.features, self.heatmaps = one.hourglasses, one.features, one.heatmaps
        self.side_features = nn.ModuleList(
            prediction_features(one.channels, 1, one.residual) for _ in range(side_predictions))
        self.side_heatmaps = nn.ModuleList(
            nn.Conv2d(one.channels, num_keypoints, 1) for _ in range(side_predictions))
        self.num_stages = 1 + side_predictions
        if heatmap_std is not None:
            start_near_zero(self.side_heatmaps, heatmap_std)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        check_input(images, self.depth, self.in_channels)
        *on_the_way, top = _upward(self.hourglasses[0], self.stem(images))
        output = self.heatmaps[0](self.features[0](top))                    # (B, K, h, w)
        sides = on_the_way[len(on_the_way) - len(self.side_features):]
        return (*(F.interpolate(heatmaps(features(x)), output.shape[-2:], mode='bilinear')
                  for features, heatmaps, x in zip(self.side_features, self.side_heatmaps, sides)),
                output)


def _upward(hourglass: nn.Module, x: Tensor) -> list[Tensor]:
    """Features (B, C, h/2**l, w/2**l) on the way up, from the lowest level to the output, l = 0."""
    assert isinstance(hourglass, Hourglass)
    skip, x = hourglass.skip(x), hourglass.down(x)
    below = _upward(hourglass.inner, x) if isinstance(hourglass.inner, Hourglass) else []
    bottom = below[-1] if below else hourglass.inner(x)
    return [*below, skip + hourglass.up(bottom)]
