"""Stacked Hourglass Networks for Human Pose Estimation, section 3 of the paper, in one file.

Newell, Yang, Deng, ECCV 2016 (arXiv 1603.06937). Where the paper leaves a detail open, the authors'
Torch code (``princeton-vl/pose-hg-train``, called "Lua" below) decides. The file needs torch alone.
Shapes: B images, C channels, K keypoints, (H, W) input px, (h, w) = (H/4, W/4) heatmap px.
"""
from __future__ import annotations

from torch import Tensor, nn


class Residual(nn.Module):
    """Pre-activation bottleneck (B, in, h, w) -> (B, out, h, w): paper, figure 4 left.

    Every convolution has a bias, and nothing follows the addition (Lua, ``Residual.lua``).
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


def residuals(channels: int, count: int, residual: type[Residual]) -> nn.Sequential:
    """``count`` residual modules of one width in a row."""
    return nn.Sequential(*(residual(channels, channels) for _ in range(count)))


class Hourglass(nn.Module):
    """One hourglass, (B, C, h, w) -> (B, C, h, w): paper, figure 3.

    Every level keeps a skip at its resolution, halves, recurses, doubles and adds. With depth 4 a
    64x64 map goes down to 4x4 and up again.
    """

    def __init__(self, channels: int, depth: int, blocks: int, residual: type[Residual] = Residual):
        super().__init__()
        self.skip = residuals(channels, blocks, residual)
        self.down = nn.Sequential(nn.MaxPool2d(2), residuals(channels, blocks, residual))
        self.inner = (Hourglass(channels, depth - 1, blocks, residual) if depth > 1
                      else residuals(channels, blocks, residual))
        self.up = nn.Sequential(residuals(channels, blocks, residual), nn.Upsample(scale_factor=2))

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.up(self.inner(self.down(x)))


def prediction_features(channels: int, blocks: int, residual: type[Residual]) -> nn.Sequential:
    """The layers between an hourglass and its prediction, (B, C, h, w) -> (B, C, h, w)."""
    return nn.Sequential(residuals(channels, blocks, residual), nn.Conv2d(channels, channels, 1),
                         nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


class Reinject(nn.Module):
    """The input of the next hourglass: x + conv(features) + conv(heatmaps), all (B, C, h, w).

    Paper, figure 4 right: the prediction of a stack goes back into the features, so that the next
    stack can reassess it. No normalisation and no activation (Lua). With ``num_keypoints=None``
    there are no heatmaps, and the features alone are added.
    """

    def __init__(self, channels: int, num_keypoints: int | None):
        super().__init__()
        self.features = nn.Conv2d(channels, channels, 1)
        self.heatmaps = None if num_keypoints is None else nn.Conv2d(num_keypoints, channels, 1)

    def forward(self, x: Tensor, features: Tensor, heatmaps: Tensor | None = None) -> Tensor:
        x = x + self.features(features)
        return x if self.heatmaps is None else x + self.heatmaps(heatmaps)


class StackedHourglass(nn.Module):
    """The whole network: images (B, in_channels, H, W) -> a tuple with one tensor for each stack.

    Args:
        num_stacks: hourglasses in a row, weights not shared (paper: 8).
        channels: width C of every feature map after the stem, even (paper: 256).
        num_keypoints: K; each output is (B, K, H/4, W/4) heatmaps. With ``None`` the network is a
            backbone for other tasks, and each output is (B, C, H/4, W/4) features.
        depth: levels of an hourglass (paper: 4); H and W are multiples of ``4 * 2**depth``.
        blocks_per_scale: residual modules at each place of an hourglass and after it (paper: 1).
        stem_channels: widths of its convolution and first two modules (FPD: C/4, C/2, C).
        residual: the class of every residual module.
        in_channels: channels of the images (paper: 3).

    Weights start as PyTorch's defaults; Torch7 drew BatchNorm scales from U(0, 1) instead of 1.
    """

    def __init__(self, num_stacks: int = 8, channels: int = 256, num_keypoints: int | None = 16,
                 depth: int = 4, blocks_per_scale: int = 1,
                 stem_channels: tuple[int, int, int] = (64, 128, 128),
                 residual: type[Residual] = Residual, in_channels: int = 3):
        super().__init__()
        first, second, third = stem_channels
        self.stem = nn.Sequential(                              # (B, in_channels, H, W)
            nn.Conv2d(in_channels, first, 7, stride=2, padding=3),    # (B, first, H/2, W/2)
            nn.BatchNorm2d(first), nn.ReLU(inplace=True),
            residual(first, second), nn.MaxPool2d(2),           # (B, second, H/4, W/4)
            residual(second, third), residual(third, channels)) # (B, C, H/4, W/4)
        self.hourglasses = nn.ModuleList(
            Hourglass(channels, depth, blocks_per_scale, residual) for _ in range(num_stacks))
        self.features = nn.ModuleList(
            prediction_features(channels, blocks_per_scale, residual) for _ in range(num_stacks))
        self.heatmaps = None if num_keypoints is None else nn.ModuleList(
            nn.Conv2d(channels, num_keypoints, 1) for _ in range(num_stacks))
        self.reinjects = nn.ModuleList(                         # not after the last stack
            Reinject(channels, num_keypoints) for _ in range(num_stacks - 1))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        x = self.stem(images)                                               # (B, C, h, w)
        outputs = []
        for i, hourglass in enumerate(self.hourglasses):
            features = self.features[i](hourglass(x))                       # (B, C, h, w)
            heatmaps = self.heatmaps[i](features) if self.heatmaps else None    # (B, K, h, w)
            outputs.append(features if heatmaps is None else heatmaps)
            if i < len(self.reinjects):
                x = self.reinjects[i](x, features, heatmaps)                # (B, C, h, w)
        return tuple(outputs)
