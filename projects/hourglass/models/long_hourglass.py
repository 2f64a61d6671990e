"""One long hourglass, which the paper compares with stacked ones (section 4.3: HG and HG-Int)."""
import torch.nn.functional as F  # noqa: N812  (torch's own convention)
from torch import Tensor, nn

from hourglass.errors import ConfigError
from hourglass.models.network import (
    Hourglass,
    StackedHourglass,
    check_input,
    prediction_features,
    start_near_zero,
)


class LongHourglass(StackedHourglass):
    """A single hourglass: images (B, 3, H, W) -> 1 + ``side_predictions`` heatmaps (B, K, h, w).

    With ``blocks_per_scale=N`` it has the residual modules of N stacks in one. A loss on its output
    alone is the paper's "HG". "HG-Int" has predictions on its way up as well, at the next lower
    resolutions before that of the output; they come first, the lowest leading, each behind a
    residual module and the linear layer that every prediction has: by so much it is larger than HG.
    How its loss compares maps of two sizes the paper does not say; here a side prediction is
    enlarged to the output's size, so that all have one target.

    Args:
        side_predictions: how many resolutions below the output's predict, too. HG: 0, HG-Int: 2.
        num_stacks, with_cp: 1 and False; there for the configs that set them.
        kwargs: as for :class:`StackedHourglass`.

    Raises:
        ConfigError: for more ``side_predictions`` than the hourglass has resolutions on its way up,
            or more stacks than one.
    """

    def __init__(self, side_predictions: int = 0, heatmap_std: float | None = None,
                 num_stacks: int = 1, with_cp: bool = False, **kwargs):
        if num_stacks != 1:
            raise ConfigError(f'LongHourglass: num_stacks={num_stacks}, but it is a single '
                              'hourglass; set num_stacks=1, and blocks_per_scale for its length')
        if with_cp:
            raise ConfigError('LongHourglass: with_cp=True, but it has no stacks to compute again '
                              'one by one; leave with_cp out')
        super().__init__(num_stacks=1, heatmap_std=heatmap_std, **kwargs)
        if not 0 <= side_predictions < self.depth or self.num_keypoints is None:
            raise ConfigError(f'LongHourglass: side_predictions={side_predictions} and '
                              f'num_keypoints={self.num_keypoints}; give 0 to {self.depth - 1} '
                              'and a number of keypoints')
        self.side_features = nn.ModuleList(
            prediction_features(self.channels, 1, self.residual) for _ in range(side_predictions))
        self.side_heatmaps = nn.ModuleList(
            nn.Conv2d(self.channels, self.num_keypoints, 1) for _ in range(side_predictions))
        if heatmap_std is not None:
            start_near_zero(self.side_heatmaps, heatmap_std)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        check_input(images, self.depth)
        *on_the_way, top = _upward(self.hourglasses[0], self.stem(images))
        output = self.heatmaps[0](self.features[0](top))                    # (B, K, h, w)
        sides = on_the_way[len(on_the_way) - len(self.side_features):]
        return (*(F.interpolate(heatmaps(features(x)), output.shape[-2:], mode='bilinear')
                  for features, heatmaps, x in zip(
                      self.side_features, self.side_heatmaps, sides, strict=True)), output)


def _upward(hourglass: Hourglass, x: Tensor) -> list[Tensor]:
    """Features (B, C, h/2**l, w/2**l) on the way up, from the lowest level to the output, l = 0."""
    skip, x = hourglass.skip(x), hourglass.down(x)
    below = _upward(hourglass.inner, x) if isinstance(hourglass.inner, Hourglass) else []
    bottom = below[-1] if below else hourglass.inner(x)
    return [*below, skip + hourglass.up(bottom)]
