"""Checkpoints of other hourglass projects, read into our network with their numbers unchanged.

A *family* is a naming scheme. Each is described by two things alone: which names say what size
the network has, and what every part of ours is called there. The descriptions come from the
names and shapes in released checkpoints.
"""
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from hourglass.compat import allow_mmengine_checkpoints
from hourglass.errors import CheckpointError
from hourglass.models.network import Hourglass, Residual, StackedHourglass

Tensors = dict[str, Tensor]
Pairs = Iterator[tuple[str, str]]           # (our module's name, its name in the checkpoint)


def import_checkpoint(path: str | Path) -> tuple[StackedHourglass, dict]:
    """Read a checkpoint of any known family into a network of the right size.

    Args:
        path: a file written by ``torch.save`` (read weights-only) or a ``.safetensors`` file.

    Returns:
        The network in eval mode, and a report: ``family``, ``config`` (the arguments of
        :class:`StackedHourglass`), ``dropped`` (names in the file that compute nothing).

    Raises:
        CheckpointError: if the file cannot be read, belongs to no known family, or lacks a tensor.
    """
    path = Path(path)
    tensors = _without_prefix(state_dict(read_checkpoint(path), path))
    family = next((f for f in FAMILIES if f.marker in tensors), None)
    if family is None:
        known = ', '.join(f.name for f in FAMILIES)
        raise CheckpointError(f'{path}: the names of its tensors belong to none of the known '
                              f'layouts ({known}); the first is {next(iter(tensors), "none")!r}')
    try:
        config = family.config(tensors)
    except (KeyError, ValueError, IndexError) as error:
        raise CheckpointError(f'{path}: parts of a {family.name} network are missing ({error})'
                              ) from None
    network = StackedHourglass(**config)
    ours = {our: tensors.get(theirs) for our, theirs in _tensor_names(network, family)}
    for name, value in ours.items():        # files of torch 0.3 do not count batches
        if value is None and name.endswith('num_batches_tracked'):
            ours[name] = torch.tensor(0)
    wrong = [name for name, value in network.state_dict().items()
             if ours[name] is None or ours[name].shape != value.shape]
    if wrong:
        raise CheckpointError(f'{path}: no tensor of the right shape for {len(wrong)} of '
                              f'{len(ours)} parts of a {family.name} network, first {wrong[0]}')
    network.load_state_dict(ours)
    used = {theirs for _, theirs in _tensor_names(network, family)}
    report = dict(family=family.name, config=config,
                  dropped=sorted(set(tensors) - used))
    return network.eval(), report


def read_checkpoint(path: str | Path) -> dict:
    """What a checkpoint file holds, unpickling nothing but tensors and plain containers.

    Raises:
        CheckpointError: if there is no such file, or it cannot be read that way.
    """
    path = Path(path).expanduser()
    try:
        if path.suffix == '.safetensors':
            from safetensors.torch import load_file
            return load_file(path)
        if find_spec('mmengine') is not None:       # its own checkpoints hold a log, too
            allow_mmengine_checkpoints()
        return torch.load(path, map_location='cpu', weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f'{path}: no such checkpoint') from None
    except Exception as error:      # torch and safetensors raise a dozen types for a broken file
        words = str(error).split('WeightsUnpickler error:')[-1].split()     # behind torch's advice
        raise CheckpointError(f"{path}: not a readable checkpoint "
                              f"({type(error).__name__}: {' '.join(words)[:200]})"
                              ) from None


def state_dict(content: dict, path: str | Path) -> Tensors:
    """The tensors themselves, by name, out of what the projects wrap around them.

    Raises:
        CheckpointError: if there are none.
    """
    for key in ('state_dict', 'model_state_dict', 'model'):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(
            isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        raise CheckpointError(f'{path}: holds no state dict of tensors')
    return content


def _without_prefix(tensors: Tensors) -> Tensors:
    """Drop what DataParallel and wrapping models put before every name."""
    while len({name.partition('.')[0] for name in tensors}) == 1 and all(
            '.' in name for name in tensors):
        tensors = {name.split('.', 1)[1]: value for name, value in tensors.items()}
    return tensors


def _count(tensors: Tensors, pattern: str) -> int:
    """How many different numbers the first group of ``pattern`` takes among the names."""
    return len({match[1] for match in map(re.compile(pattern).match, tensors) if match})


@dataclass(frozen=True)
class Family:
    """A naming scheme.

    Attributes:
        name: the project best known for it.
        marker: a tensor whose name appears in this family alone.
        config: tensors -> the arguments of :class:`StackedHourglass`.
        modules: network -> pairs of names for every convolution, BatchNorm and residual.
        residual: the names of a residual's parts, in the order of ``_RESIDUAL``.
    """

    name: str
    marker: str
    config: Callable[[Tensors], dict]
    modules: Callable[[StackedHourglass], Pairs]
    residual: tuple[str, ...]


_RESIDUAL = ('branch.0', 'branch.2', 'branch.3', 'branch.5', 'branch.6', 'branch.8', 'skip')


def _tensor_names(network: StackedHourglass, family: Family) -> Pairs:
    """(our name, their name) of every tensor of the network."""
    names = dict(family.modules(network))
    for residual, module in network.named_modules():
        if isinstance(module, Residual):
            theirs = names.pop(residual)
            names |= {f'{residual}.{part}': f'{theirs}.{their_part}'
                      for part, their_part in zip(_RESIDUAL, family.residual, strict=True)}
    for tensor in network.state_dict():
        module, kind = tensor.rsplit('.', 1)
        yield tensor, f'{names[module]}.{kind}'


def _hourglass_places(hourglass: Hourglass, ours: str) -> Iterator[tuple[str, int, str]]:
    """(our name, level, place) of an hourglass's rows of residuals; level 0 is the outermost."""
    level = 0
    while True:
        yield f'{ours}.skip', level, 'skip'
        yield f'{ours}.down.1', level, 'down'
        yield f'{ours}.up.0', level, 'up'
        if not isinstance(hourglass.inner, Hourglass):
            yield f'{ours}.inner', level, 'inner'
            return
        hourglass, ours, level = hourglass.inner, f'{ours}.inner', level + 1


# pytorch_stacked_hourglass (princeton-vl, BSD-3): one residual per place.

def _princeton_config(tensors: Tensors) -> dict:
    deepest = max(name.count('.low2') for name in tensors if name.startswith('hgs.0.'))
    return dict(
        num_stacks=_count(tensors, r'hgs\.(\d+)\.'),
        channels=tensors['features.0.1.conv.weight'].shape[0],
        num_keypoints=tensors['outs.0.conv.weight'].shape[0],
        depth=deepest,
        stem_channels=tuple(tensors[name].shape[0] for name in (
            'pre.0.conv.weight', 'pre.1.conv3.conv.weight', 'pre.3.conv3.conv.weight')))


def _princeton_modules(network: StackedHourglass) -> Pairs:
    places = dict(skip='up1', down='low1', inner='low2', up='low3')
    yield from (('stem.0', 'pre.0.conv'), ('stem.1', 'pre.0.bn'), ('stem.3', 'pre.1'),
                ('stem.5', 'pre.3'), ('stem.6', 'pre.4'))
    for i, hourglass in enumerate(network.hourglasses):
        for ours, level, place in _hourglass_places(hourglass, f'hourglasses.{i}'):
            yield f'{ours}.0', f'hgs.{i}.0.' + 'low2.' * level + places[place]
        yield f'features.{i}.0.0', f'features.{i}.0'
        yield f'features.{i}.1', f'features.{i}.1.conv'
        yield f'features.{i}.2', f'features.{i}.1.bn'
        yield f'heatmaps.{i}', f'outs.{i}.conv'
        yield f'reinjects.{i}.features', f'merge_features.{i}.conv.conv'
        yield f'reinjects.{i}.heatmaps', f'merge_preds.{i}.conv.conv'


# bearpaw's pytorch-pose, anibali's pytorch-hourglass, FPD: levels numbered from the inside.

def _bearpaw_config(tensors: Tensors) -> dict:
    return dict(
        num_stacks=_count(tensors, r'hg\.(\d+)\.'),
        channels=tensors['fc.0.0.weight'].shape[0],
        num_keypoints=tensors['score.0.weight'].shape[0],
        depth=_count(tensors, r'hg\.0\.hg\.(\d+)\.'),
        blocks_per_scale=_count(tensors, r'hg\.0\.hg\.0\.0\.(\d+)\.'),
        stem_channels=tuple(tensors[name].shape[0] for name in (
            'conv1.weight', 'layer1.0.conv3.weight', 'layer2.0.conv3.weight')))


def _bearpaw_modules(network: StackedHourglass) -> Pairs:
    places = dict(skip=0, down=1, up=2, inner=3)
    blocks = range(network.blocks_per_scale)
    yield from (('stem.0', 'conv1'), ('stem.1', 'bn1'), ('stem.3', 'layer1.0'),
                ('stem.5', 'layer2.0'), ('stem.6', 'layer3.0'))
    for i, hourglass in enumerate(network.hourglasses):
        for ours, level, place in _hourglass_places(hourglass, f'hourglasses.{i}'):
            theirs = f'hg.{i}.hg.{network.depth - 1 - level}.{places[place]}'
            yield from ((f'{ours}.{block}', f'{theirs}.{block}') for block in blocks)
        yield from ((f'features.{i}.0.{block}', f'res.{i}.{block}') for block in blocks)
        yield f'features.{i}.1', f'fc.{i}.0'
        yield f'features.{i}.2', f'fc.{i}.1'
        yield f'heatmaps.{i}', f'score.{i}'
        yield f'reinjects.{i}.features', f'fc_.{i}'
        yield f'reinjects.{i}.heatmaps', f'score_.{i}'


FAMILIES = (
    Family('princeton', 'pre.0.conv.weight', _princeton_config, _princeton_modules,
           ('bn1', 'conv1.conv', 'bn2', 'conv2.conv', 'bn3', 'conv3.conv', 'skip_layer.conv')),
    Family('bearpaw', 'layer1.0.conv3.weight', _bearpaw_config, _bearpaw_modules,
           ('bn1', 'conv1', 'bn2', 'conv2', 'bn3', 'conv3', 'downsample.0')),
)
