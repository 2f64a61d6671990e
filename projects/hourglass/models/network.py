"""Stacked Hourglass Networks for Human Pose Estimation, section 3 of the paper, in one file.

Newell, Yang, Deng, ECCV 2016 (arXiv 1603.06937). Where the paper is silent, the authors' Torch
code (``princeton-vl/pose-hg-train``, called "Lua" below) decides. Shapes: B images, C channels,
K keypoints, (H, W) the input in pixels, (h, w) = (H/4, W/4) the heatmaps.
"""
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from hourglass.errors import ConfigError, did_you_mean
from hourglass.models.recompute import recomputed


class Residual(nn.Module):
    """Pre-activation bottleneck (B, in, h, w) -> (B, out, h, w): paper, figure 4 left.

    Every convolution has a bias and nothing follows the addition (Lua, ``Residual.lua``).
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        middle = out_channels // 2
        self.branch = nn.Sequential(
            nn.BatchNorm2d(in_channels), nn.ReLU(inplace=True), nn.Conv2d(in_channels, middle, 1),
            nn.BatchNorm2d(middle), nn.ReLU(inplace=True), self.spatial(middle),
            nn.BatchNorm2d(middle), nn.ReLU(inplace=True), nn.Conv2d(middle, out_channels, 1))
        self.skip = (nn.Identity() if in_channels == out_channels
                     else nn.Conv2d(in_channels, out_channels, 1))

    @staticmethod
    def spatial(channels: int) -> nn.Module:
        return nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.branch(x)


class DepthwiseResidual(Residual):
    """The same with a separable 3x3 convolution: one 3x3 filter a channel, then a 1x1 to mix them.

    Nothing stands between the two (Xception, Chollet, CVPR 2017, section 4.7). At 256 features
    84,608 parameters where the bottleneck has 214,528. Not in the paper.
    """

    @staticmethod
    def spatial(channels: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, groups=channels,
                                       bias=False), nn.Conv2d(channels, channels, 1))


RESIDUALS = {'bottleneck': Residual, 'depthwise': DepthwiseResidual}


def residuals(channels: int, count: int, kind: type[Residual] = Residual) -> nn.Sequential:
    """``count`` residual modules of one width in a row."""
    return nn.Sequential(*(kind(channels, channels) for _ in range(count)))


def prediction_features(channels: int, blocks: int, kind: type[Residual] = Residual
                        ) -> nn.Sequential:
    """What leads from an hourglass to its prediction, (B, C, h, w) -> (B, C, h, w)."""
    return nn.Sequential(residuals(channels, blocks, kind), nn.Conv2d(channels, channels, 1),
                         nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


class Hourglass(nn.Module):
    """One hourglass, (B, C, h, w) -> (B, C, h, w): paper, figure 3.

    Every level keeps a skip at its resolution, halves, recurses, doubles and adds. With depth 4 a
    64x64 map goes down to 4x4 and up again.
    """

    def __init__(self, channels: int, depth: int, blocks: int, kind: type[Residual] = Residual):
        super().__init__()
        self.skip = residuals(channels, blocks, kind)
        self.down = nn.Sequential(nn.MaxPool2d(2), residuals(channels, blocks, kind))
        self.inner = (Hourglass(channels, depth - 1, blocks, kind) if depth > 1
                      else residuals(channels, blocks, kind))
        self.up = nn.Sequential(residuals(channels, blocks, kind), nn.Upsample(scale_factor=2))

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.up(self.inner(self.down(x)))


class Reinject(nn.Module):
    """What the next hourglass sees: x + conv(features) + conv(heatmaps), all (B, C, h, w).

    Paper, figure 4 right: a stack's prediction goes back into the features, so that the next
    stack can reassess it. No normalisation and no activation (Lua). Without heatmaps
    (``num_keypoints=None``) the features alone are added.
    """

    def __init__(self, channels: int, num_keypoints: int | None):
        super().__init__()
        self.features = nn.Conv2d(channels, channels, 1)
        self.heatmaps = None if num_keypoints is None else nn.Conv2d(num_keypoints, channels, 1)

    def forward(self, x: Tensor, features: Tensor, heatmaps: Tensor | None = None) -> Tensor:
        x = x + self.features(features)
        return x if heatmaps is None else x + self.heatmaps(heatmaps)


class StackedHourglass(nn.Module):
    """The whole network: images (B, 3, H, W) -> a tuple with one tensor per stack.

    Args:
        num_stacks: hourglasses in a row, weights not shared (paper: 8).
        channels: width C of every feature map behind the stem; even (paper: 256).
        num_keypoints: K; each output is (B, K, H/4, W/4) heatmaps. ``None`` makes a backbone for
            other tasks: each output is the stack's (B, C, H/4, W/4) features.
        depth: levels of an hourglass (paper: 4, from 64x64 to 4x4).
        blocks_per_scale: residual modules at every place of an hourglass and behind it (paper: 1).
        stem_channels: widths after the first convolution and the first two residual modules; the
            third residual leads to C. Lua: 64, 128, 128 whatever C is; FPD: C/4, C/2, C.
        heatmap_std: deviation of the first weights of the prediction convolutions. ``None`` starts
            them like every other convolution, as Lua does. Their maps are then far larger than any
            target, and training first has to unlearn them; 0.001 (HRNet, mmpose) starts at empty
            maps, and leaves that plateau many times sooner.
        residual: ``'bottleneck'`` (paper) or ``'depthwise'``, see :class:`DepthwiseResidual`; of
            every residual module, those of the stem too.
        with_cp: keep no feature map inside the stem and the stacks for the backward pass, which
            computes them again, one stack after the other: less memory, more time, the same
            numbers (named as in OpenMMLab's backbones).

    All other weights start as PyTorch's defaults do: convolutions as in Torch7, BatchNorm scales
    at 1 where Torch7 drew them from U(0, 1).

    Raises:
        ConfigError: for a count below 1, an odd ``channels`` or an unknown ``residual``; in
            ``forward``, if H or W is not a multiple of ``4 * 2**depth``.
    """

    def __init__(self, num_stacks: int = 8, channels: int = 256, num_keypoints: int | None = 16,
                 depth: int = 4, blocks_per_scale: int = 1,
                 stem_channels: Sequence[int] = (64, 128, 128),
                 heatmap_std: float | None = None, residual: str = 'bottleneck',
                 with_cp: bool = False):
        super().__init__()
        _check_counts(num_stacks=num_stacks, channels=channels, depth=depth,
                      blocks_per_scale=blocks_per_scale,
                      num_keypoints=1 if num_keypoints is None else num_keypoints)
        if channels % 2:
            raise ConfigError(f'channels is {channels}: an even number needed, residuals halve it')
        if residual not in RESIDUALS:
            raise ConfigError(f"residual is '{residual}': give {' or '.join(RESIDUALS)}"
                              f'{did_you_mean(residual, RESIDUALS)}')
        self.num_stacks, self.channels, self.num_keypoints = num_stacks, channels, num_keypoints
        self.depth, self.blocks_per_scale = depth, blocks_per_scale
        self.stem_channels, self.with_cp = tuple(stem_channels), with_cp
        self.residual = kind = RESIDUALS[residual]

        if len(self.stem_channels) != 3:
            raise ConfigError(f'stem_channels is {self.stem_channels}: give three widths')
        first, second, third = self.stem_channels
        self.stem = nn.Sequential(                              # (B, 3, H, W)
            nn.Conv2d(3, first, 7, stride=2, padding=3),        # (B, 64, H/2, W/2)
            nn.BatchNorm2d(first), nn.ReLU(inplace=True),
            kind(first, second), nn.MaxPool2d(2),               # (B, 128, H/4, W/4)
            kind(second, third), kind(third, channels))         # (B, C, H/4, W/4)
        self.hourglasses = nn.ModuleList(
            Hourglass(channels, depth, blocks_per_scale, kind) for _ in range(num_stacks))
        self.features = nn.ModuleList(
            prediction_features(channels, blocks_per_scale, kind) for _ in range(num_stacks))
        self.heatmaps = None if num_keypoints is None else nn.ModuleList(
            nn.Conv2d(channels, num_keypoints, 1) for _ in range(num_stacks))
        self.reinjects = nn.ModuleList(                         # not after the last stack
            Reinject(channels, num_keypoints) for _ in range(num_stacks - 1))
        if self.heatmaps is not None and heatmap_std is not None:
            start_near_zero(self.heatmaps, heatmap_std)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        check_input(images, self.depth)
        x = self._run(self.stem, [self.stem], images)           # (B, C, h, w)
        outputs = []
        for stack in range(self.num_stacks):
            inside = [self.hourglasses[stack], self.features[stack]]
            output, x = self._run(self._stack, inside, stack, x)
            outputs.append(output)
        return tuple(outputs)

    def _stack(self, stack: int, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """What a stack gives, and what the next one sees."""
        features = self.features[stack](self.hourglasses[stack](x))         # (B, C, h, w)
        heatmaps = None if self.heatmaps is None else self.heatmaps[stack](features)
        output = features if heatmaps is None else heatmaps
        if stack == self.num_stacks - 1:
            return output, None
        return output, self.reinjects[stack](x, features, heatmaps)

    def _run(self, part: Callable, owners: Sequence[nn.Module], *inputs):
        if self.with_cp and torch.is_grad_enabled():
            return recomputed(part, owners, *inputs)
        return part(*inputs)


def check_input(images: Tensor, depth: int) -> None:
    """Refuse images (B, 3, H, W) that ``depth`` levels do not divide.

    Raises:
        ConfigError: with a size that fits.
    """
    height, width = images.shape[-2:]
    step = 4 * 2**depth                 # the stem divides by 4, every level by 2
    if height % step or width % step:
        fits = [max(step, (side + step // 2) // step * step) for side in (width, height)]
        raise ConfigError(
            f'input of {width}x{height} (w x h) does not fit {depth} levels: both sides '
            f'must be multiples of {step}, for example {fits[0]}x{fits[1]}')


def start_near_zero(predictions: Iterable[nn.Conv2d], std: float) -> None:
    """First weights of ``predictions`` from a normal distribution, biases at 0."""
    for prediction in predictions:
        nn.init.normal_(prediction.weight, std=std)
        nn.init.zeros_(prediction.bias)


def _check_counts(**counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ConfigError(f'{name} is {value}: give 1 or more')
