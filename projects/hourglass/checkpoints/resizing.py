"""Networks of another size with the weights of a trained one: wider, or with fewer stacks."""
from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

import torch
from torch import nn

from hourglass.errors import ConfigError
from hourglass.models.backbone import StackedHourglass
from hourglass.models.centers import CenterHead
from hourglass.models.stages import up_to_stage


def widened(network: StackedHourglass, sizes: dict[str, Any], factor: float = 2,
            seed: int = 0) -> tuple[StackedHourglass, dict[str, Any]]:
    """Return a network with more features everywhere and the same outputs, and its sizes.

    This is Net2WiderNet (Chen et al. 2016). The first features are repeated after the last: feature
    j of C as feature C + j. A convolution that reads both splits its weights between them at
    random, so that their gradients differ when the network is trained on.

    Args:
        network: the trained one, in eval mode.
        sizes: the arguments of :class:`StackedHourglass` that it was built with.
        factor: how many times as many features, above 1 and up to 2.
        seed: of the random split.

    Raises:
        ConfigError: if a number of features times the factor is not even, as residual modules
            halve it, or the factor is another.
    """
    if not 1 < factor <= 2:
        raise ConfigError(f'widen={factor:g}: give a factor above 1 and up to 2')
    features = [Fraction(str(factor)) * count           # a float may miss a whole number
                for count in (sizes['channels'], *sizes['stem_channels'])]
    if any(count % 2 for count in features):
        raise ConfigError(f'widen={factor:g}: a layer would have {[*map(float, features)]} '
                          'features; give a factor with which all are even')
    channels, *stem = map(int, features)
    sizes = sizes | dict(channels=channels, stem_channels=tuple(stem))
    wide = StackedHourglass(**sizes).eval()
    _repeat(network, wide, seed)
    return wide, sizes


def widened_head(head: CenterHead, channels: int, seed: int = 0) -> CenterHead:
    """Return a detector's head of ``channels`` features, for a :func:`widened` network."""
    wide = CenterHead(channels, len(head.maps), int(head.longer_side))
    _repeat(head, wide, seed)
    return wide


def _repeat(narrow: nn.Module, wide: nn.Module, seed: int) -> None:
    """Give ``wide`` the weights of ``narrow``, with the first features repeated after the last."""
    random = torch.Generator().manual_seed(seed)
    weights = narrow.state_dict()
    for name, target in wide.state_dict().items():
        value = weights[name]
        if value.shape[:1] != target.shape[:1]:             # features that are written
            value = torch.cat([value, value[:len(target) - len(value)]])
        if value.shape[1:2] != target.shape[1:2]:           # features that are read
            more = target.shape[1] - value.shape[1]
            share = torch.rand(len(value), more, generator=random)[..., None, None]
            value = torch.cat([value[:, :more] * share, value[:, more:],
                               value[:, :more] * (1 - share)], dim=1)
        target.copy_(value)


def first_stacks(network: StackedHourglass, sizes: dict[str, Any],
                 count: int) -> tuple[StackedHourglass, dict[str, Any]]:
    """Return the first ``count`` stacks of a network, whose outputs stay the same, and its sizes.

    ``sizes`` are the arguments of :class:`StackedHourglass`. Raises ``ConfigError`` if ``count`` is
    not from 1 to the number of stacks.
    """
    if not 1 <= count <= sizes['num_stacks']:
        raise ConfigError(f'stacks={count}: the network has {sizes["num_stacks"]} stacks; give a '
                          f'number from 1 to {sizes["num_stacks"]}')
    first = cast(StackedHourglass, up_to_stage(network, count - 1)[0])
    return first, sizes | dict(num_stacks=count)
