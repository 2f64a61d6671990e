"""Early exit: each person leaves the network as soon as two successive stacks agree.

Most people are found by the first stacks; the later ones serve the hard joints (paper, section
4.3). Not in the paper.
"""
from collections import Counter

import torch
from torch import Tensor, nn

from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.errors import ConfigError
from hourglass.models.backbone import StackedHourglass, check_input
from hourglass.models.fuse import fuse


class Agreement(nn.Module):
    """Heatmaps (B, K, h, w) of two successive stages of a network -> (B,) whether they agree.

    They agree if no keypoint's peak moves by more than ``tolerance`` heatmap px. Raises
    ``ConfigError`` for a network without heatmaps or 3 stacks, or a negative tolerance.
    """

    def __init__(self, network: StackedHourglass, tolerance: float):
        super().__init__()
        if network.num_stacks < 3:
            raise ConfigError(f'exit_tolerance: the network has {network.num_stacks} stacks, and '
                              "early exit needs 3 or more ('flic-small4'), as two have to agree")
        if network.heatmaps is None:
            raise ConfigError('exit_tolerance: the backbone predicts features (num_keypoints='
                              'None), and early exit compares heatmaps; leave it out')
        if not tolerance >= 0:
            raise ConfigError(f'exit_tolerance={tolerance}: give heatmap px, 0 or more')
        self.tolerance = tolerance
        self.places = DecodeHeatmaps((1, 1), 'parabola')

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        moved = self.places(after)[0] - self.places(before)[0]                  # (B, K, 2)
        return moved.norm(dim=-1).amax(-1) <= self.tolerance


class EarlyExit(nn.Module):
    """Images (B, 3, H, W) -> a tuple of one tensor, each person's heatmaps from its last stack.

    Stacks after the one where the last person leaves are not computed. Arguments and errors are
    those of :class:`Agreement`; with a tolerance of 0 a person leaves early only if no peak moves.
    ``left`` counts the people that have left after each stack, counted from 0.
    """

    def __init__(self, network: StackedHourglass, tolerance: float):
        super().__init__()
        self.agree, self.network = Agreement(network, tolerance), fuse(network)
        self.left: Counter[int] = Counter()

    def forward(self, images: Tensor) -> tuple[Tensor]:
        network = self.network
        check_input(images, network.depth, network.in_channels)
        x, last = network.stem(images), len(network.outputs) - 1
        people = torch.arange(len(images), device=images.device)        # those still inside
        found = before = images.new_empty(0)                            # set by the first stack
        for stack, output in enumerate(network.outputs):
            features = network.stack(stack, x)
            heatmaps = output(features)
            if stack == 0:
                found, stay = heatmaps.clone(), torch.ones_like(people, dtype=torch.bool)
            else:
                found[people] = heatmaps
                stay = ~self.agree(before, heatmaps) & (stack < last)
            self.left[stack] += int((~stay).sum())
            if not stay.any():
                break
            x = network.reinjects[stack](features[stay]).add_(x[stay])
            people, before = people[stay], heatmaps[stay]
        return (found,)
