"""A network up to one of its stages, without what only later stages need."""
import copy
from typing import TypeVar

from torch import nn

from hourglass.errors import ConfigError
from hourglass.io.tables import counted
from hourglass.models.backbone import StackedHourglass

Module = TypeVar('Module', bound=nn.Module)


def stage_index(stage: int, count: int) -> int:
    """Return ``stage``, of which -1 is the last of ``count``, as counted from the first.

    Raises ``ConfigError`` if there is no such stage.
    """
    if not -count <= stage < count:
        raise ConfigError(f'no stage of index {stage}: the network has '
                          f"{counted(count, 'stage')}; give 0 to {count - 1}, or -1 for the last")
    return stage % count


def num_stages(model: nn.Module) -> int:
    """Return how many stages an estimator has, from each of which its head can predict."""
    convolutions = getattr(model.head, 'to_heatmaps', None)
    return getattr(model.backbone, 'num_stages', 1) if convolutions is None else len(convolutions)


def up_to_stage(network: nn.Module, stage: int) -> tuple[nn.Module, int]:
    """Return a network that computes nothing after a stage, and the stage's index in its outputs.

    Tensors are shared. Any other module than a StackedHourglass is returned as it is. Raises
    ``ConfigError`` for a stage that a StackedHourglass does not have.
    """
    if not isinstance(network, StackedHourglass):
        return network, stage
    kept = network.out_indices[:stage_index(stage, network.num_stages) + 1]
    count, first = max(kept) + 1, shallow_copy(network)
    first.out_indices = kept
    for name, length in (('hourglasses', count), ('features', count), ('heatmaps', count),
                         ('reinjects', count - 1)):
        parts = getattr(network, name)
        if parts is not None:                           # a backbone has no heatmaps
            first._modules[name] = parts[:length]
    return first, -1


def shallow_copy(module: Module) -> Module:
    """Return a copy whose attributes and parts can be replaced; those that are not, it shares."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)               # which the copy shared until here
    return twin
