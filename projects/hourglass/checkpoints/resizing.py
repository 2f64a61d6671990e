"""Networks of another size with the weights of a trained one: wider, or with fewer stacks."""
from __future__ import annotations

from typing import Any, cast

import torch

from hourglass.errors import ConfigError
from hourglass.models.backbone import StackedHourglass
from hourglass.models.stages import up_to_stage


def widened(network: StackedHourglass, sizes: dict[str, Any],
            seed: int = 0) -> tuple[StackedHourglass, dict[str, Any]]:
    """Return a network with twice the features everywhere and the same outputs, and its sizes.

    This is Net2WiderNet (Chen et al. 2016). Feature j of C is repeated as feature C + j. A
    convolution that reads both splits its weights between them at random, so that their gradients
    differ when the network is trained on.

    Args:
        network: the trained one, in eval mode.
        sizes: the arguments of :class:`StackedHourglass` that it was built with.
        seed: of the random split.
    """
    sizes = sizes | dict(channels=2 * sizes['channels'],
                         stem_channels=tuple(2 * count for count in sizes['stem_channels']))
    wide = StackedHourglass(**sizes).eval()
    random = torch.Generator().manual_seed(seed)
    narrow = network.state_dict()
    for name, target in wide.state_dict().items():
        value = narrow[name]
        if value.shape[:1] != target.shape[:1]:             # features that are written
            value = torch.cat([value, value])
        if value.shape[1:2] != target.shape[1:2]:           # features that are read
            share = torch.rand(value.shape[:2], generator=random)[..., None, None]
            value = torch.cat([value * share, value * (1 - share)], dim=1)
        target.copy_(value)
    return wide, sizes


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
