"""What happens around the network when it predicts, as modules that can be exported; torch only.

From pixels to heatmaps, or to keypoints: what mmpose spreads over its data preprocessor, its
estimator's flip test and the head, and :class:`hourglass.codecs.HourglassHeatmap` does in numpy.
"""
import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hourglass.errors import ConfigError
from hourglass.models.network import StackedHourglass


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


def stage_index(stage: int, count: int) -> int:
    """``stage`` counted from the first of ``count``.

    Raises:
        ConfigError: if there is no such stage.
    """
    if not -count <= stage < count:
        raise ConfigError(f'stage {stage}: the network has {count}, give 0 to {count - 1}, or -1 '
                          'for the last')
    return stage % count


def up_to_stage(network: nn.Module, stage: int) -> tuple[nn.Module, int]:
    """A network that computes nothing behind a stage, and the place of the stage in its outputs.

    Tensors are shared. What is no StackedHourglass comes back as it is.

    Raises:
        ConfigError: for a stage that a StackedHourglass does not have.
    """
    if type(network) is not StackedHourglass:
        return network, stage
    count = stage_index(stage, network.num_stacks) + 1
    first = shallow_copy(network)
    first.num_stacks = count
    for name, length in (('hourglasses', count), ('features', count), ('heatmaps', count),
                         ('reinjects', count - 1)):
        if network._modules.get(name) is not None:     # a backbone has none
            first._modules[name] = network._modules[name][:length]
    return first, -1


def shallow_copy(module: nn.Module) -> nn.Module:
    """A module whose attributes and parts can be replaced while it shares those that are not."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)               # which the copy shared until here
    return twin


class DecodeHeatmaps(nn.Module):
    """Heatmaps (B, K, h, w) -> keypoints (B, K, 2) in input px, 0-based, and scores (B, K).

    The same as ``HourglassHeatmap.batch_decode``, in float32 where numpy has float64.

    Args:
        input_px_per_cell: in x and in y.
        refine: ``'quarter'`` or ``'parabola'``, as of the codec.
    """

    def __init__(self, input_px_per_cell: Sequence[float], refine: str):
        super().__init__()
        self.register_buffer('input_px_per_cell', torch.tensor(
            [float(px) for px in input_px_per_cell], dtype=torch.float32))
        self.offset = {'quarter': _quarter_offset, 'parabola': _parabola_offset}[refine]

    def forward(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        height, width = heatmaps.shape[-2:]
        flat = heatmaps.flatten(2)                                      # (B, K, h*w)
        place = flat.argmax(-1)                                         # (B, K), first of equals
        cells = (place % width, place // width)
        keypoints_heatmap = torch.stack([
            cell + self.offset(flat, place, cell, length, stride)
            for cell, length, stride in zip(cells, (width, height), (1, width), strict=True)], -1)
        return (keypoints_heatmap + 0.5) * self.input_px_per_cell - 0.5, _at(flat, place)


def _quarter_offset(flat: Tensor, place: Tensor, cell: Tensor, length: int, stride: int) -> Tensor:
    """A quarter of a cell towards the higher neighbour; see ``gaussian.quarter_offset``.

    Args:
        flat: (B, K, h*w) heatmaps.
        place: (B, K) of the highest cell in them.
        cell: (B, K) its x or y.
        length: cells in that direction.
        stride: from a cell to the next in that direction.
    """
    step = ((cell > 0) & (cell < length - 1)) * stride      # at the border both sides are the cell
    return 0.25 * torch.sign(_at(flat, place + step) - _at(flat, place - step))


def _parabola_offset(flat: Tensor, place: Tensor, cell: Tensor, length: int, stride: int) -> Tensor:
    """The top of a parabola, arguments as above; see ``gaussian.parabola_offset``."""
    if length < 3:                                          # no cell has two neighbours
        return torch.zeros_like(cell, dtype=flat.dtype)
    inwards = cell.clamp(1, length - 2) - cell              # 0 but at the border
    before, at, after = (_at(flat, place + (inwards + side) * stride).clamp(min=1e-10).log()
                         for side in (-1, 0, 1))
    slope, curvature = (after - before) / 2, after - 2 * at + before
    top = torch.where(curvature < 0, inwards - slope / curvature.clamp(max=-1e-9), 0.0)
    return top.clamp(-0.5, 0.5)


def _at(flat: Tensor, place: Tensor) -> Tensor:
    return flat.gather(-1, place[..., None])[..., 0]
