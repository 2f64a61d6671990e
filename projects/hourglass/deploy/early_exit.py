"""Each person leaves the network after the stack whose heatmaps say what the stack before said.

Most people are found by the first stacks, and the others are what the later ones are for (paper,
section 4.3: the gain from stack to stack is in the hard joints). Not in the paper.
"""
from collections import Counter

import torch
from torch import Tensor, nn

from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.errors import ConfigError
from hourglass.models.backbone import StackedHourglass, check_input
from hourglass.models.fuse import fuse


class Agreement(nn.Module):
    """Heatmaps (B, K, h, w) of two successive stages -> (B,) whether they say the same.

    They do if no keypoint's peak moves by more than ``tolerance`` heatmap px.
    """

    def __init__(self, tolerance: float):
        super().__init__()
        self.tolerance = tolerance
        self.places = DecodeHeatmaps((1, 1), 'parabola')

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        moved = self.places(after)[0] - self.places(before)[0]                  # (B, K, 2)
        return moved.norm(dim=-1).amax(-1) <= self.tolerance


class EarlyExit(nn.Module):
    """Images (B, 3, H, W) -> a tuple of one tensor, every person's heatmaps where it left.

    What is behind the stack where the last person left is not computed.

    Args:
        network: trained, with heatmaps.
        tolerance: of :class:`Agreement`. 0 lets nobody leave early but where peaks stay in place.

    Attributes:
        left: how many people left after each stack, counted from 0, since this was made.

    Raises:
        ConfigError: for a network without heatmaps or of fewer than 3 stacks, or a negative
            tolerance.
    """

    def __init__(self, network: StackedHourglass, tolerance: float):
        super().__init__()
        check_can_exit(network, tolerance)
        self.network, self.agree, self.left = fuse(network), Agreement(tolerance), Counter()

    def forward(self, images: Tensor) -> tuple[Tensor]:
        network = self.network
        check_input(images, network.depth)
        x, last = network.stem(images), len(network.outputs) - 1
        people, before, found = torch.arange(len(images), device=images.device), None, None
        for stack, output in enumerate(network.outputs):
            features = network.stack(stack, x)
            heatmaps = output(features)
            found = heatmaps.clone() if found is None else found
            found[people] = heatmaps
            if stack == last:
                self.left[stack] += len(people)
                break
            stay = torch.ones_like(people, dtype=torch.bool) if before is None else (
                ~self.agree(before, heatmaps))
            self.left[stack] += int((~stay).sum())
            if not stay.any():
                break
            x = network.reinjects[stack](features[stay]).add_(x[stay])
            people, before = people[stay], heatmaps[stay]
        return (found,)


def check_can_exit(network: StackedHourglass, tolerance: float) -> None:
    """Raises: ConfigError: for a network without heatmaps, one that nobody could leave early, or a
    negative tolerance."""
    if network.num_stacks < 3:
        raise ConfigError(f'exit_tolerance: nobody could leave a network of {network.num_stacks} '
                          'stacks early, as two have to agree; leave it out, or take one of 3 or '
                          "more ('flic-small4')")
    if network.heatmaps is None:
        raise ConfigError('exit_tolerance: the backbone gives features (num_keypoints=None), whose '
                          'heatmaps cannot be compared; leave it out')
    if not tolerance >= 0:
        raise ConfigError(f'exit_tolerance={tolerance}: give heatmap px, 0 or more')
