"""Naming schemes: the names that each public project gives to the parts of the network.

A *family* is described by two things alone: the names that show the network's size, and the name
of every part of ours there. The descriptions come from the names and shapes in released
checkpoints.
"""
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from hourglass.models.backbone import StackedHourglass
from hourglass.models.network import Residual

Tensors = dict[str, Tensor]
Pairs = Iterator[tuple[str, str]]           # (our module's name, its name in the checkpoint)
Pixels = tuple[list[float], list[float]]    # mean and deviation


@dataclass(frozen=True)
class Family:
    """A naming scheme."""

    name: str                           # of the project best known for it
    marker: str                         # name of a tensor that appears in this family alone
    config: Callable[[Tensors], dict[str, Any]]     # -> arguments of StackedHourglass, or KeyError
    modules: Callable[[StackedHourglass], Pairs]    # every convolution, BatchNorm and residual
    residual: tuple[str, ...]           # the names of a residual's parts, in the order of _RESIDUAL
    unused: Callable[[int], str]        # number of stacks -> pattern of names stored but not used
    pixels: str                         # normalisation of its input, a key of PIXELS


_RESIDUAL = ('branch.0', 'branch.2', 'branch.3', 'branch.5', 'branch.6', 'branch.8', 'skip')


def _config(tensors: Tensors, stacks: str, depth: str, blocks: str, channels: str, keypoints: str,
            stem: tuple[str, str, str]) -> dict[str, Any]:
    """Derive the arguments of :class:`StackedHourglass` from names and shapes.

    ``stacks``, ``depth`` and ``blocks`` are patterns of names; the number of different strings in
    the pattern's group counts. The others are names of tensors; the first dimension counts.
    """
    def count(pattern: str) -> int:
        return len({match[1] for match in map(re.compile(pattern).match, tensors) if match})
    return dict(
        num_stacks=count(stacks), channels=tensors[channels].shape[0],
        num_keypoints=tensors[keypoints].shape[0] if keypoints in tensors else None,
        depth=count(depth), blocks_per_scale=count(blocks),
        stem_channels=tuple(tensors[name].shape[0] for name in stem))


def tensor_names(network: StackedHourglass, family: Family) -> Pairs:
    """Yield (our name, their name) of every tensor of the network."""
    names = dict(family.modules(network))
    for residual, module in network.named_modules():
        if isinstance(module, Residual):
            theirs = names.pop(residual)
            names |= {f'{residual}.{part}': f'{theirs}.{their_part}'
                      for part, their_part in zip(_RESIDUAL, family.residual, strict=True)}
    for tensor in network.state_dict():
        module, kind = tensor.rsplit('.', 1)
        yield tensor, f'{names[module]}.{kind}'


def _places(network: StackedHourglass) -> Iterator[tuple[str, int, int, str]]:
    """Yield (our name, stack, level, place) of each row of residuals; level 0 is the outermost."""
    for stack in range(network.num_stacks):
        for level in range(network.depth):
            ours = f'hourglasses.{stack}' + '.inner' * level
            yield f'{ours}.skip', stack, level, 'skip'
            yield f'{ours}.down.1', stack, level, 'down'
            yield f'{ours}.up.0', stack, level, 'up'
        yield f'{ours}.inner', stack, level, 'inner'


# pytorch_stacked_hourglass (princeton-vl, BSD-3): one residual per place.

_princeton_config = partial(
    _config, stacks=r'hgs\.(\d+)\.', depth=r'hgs\.0\.0((\.low2)+)\.', blocks=r'hgs\.0\.(0)\.',
    channels='features.0.1.conv.weight', keypoints='outs.0.conv.weight',
    stem=('pre.0.conv.weight', 'pre.1.conv3.conv.weight', 'pre.3.conv3.conv.weight'))


def _princeton_modules(network: StackedHourglass) -> Pairs:
    places = dict(skip='up1', down='low1', inner='low2', up='low3')
    yield from (('stem.0', 'pre.0.conv'), ('stem.1', 'pre.0.bn'), ('stem.3', 'pre.1'),
                ('stem.5', 'pre.3'), ('stem.6', 'pre.4'))
    for ours, stack, level, place in _places(network):
        yield f'{ours}.0', f'hgs.{stack}.0.' + 'low2.' * level + places[place]
    for i in range(network.num_stacks):
        yield f'features.{i}.0.0', f'features.{i}.0'
        yield f'features.{i}.1', f'features.{i}.1.conv'
        yield f'features.{i}.2', f'features.{i}.1.bn'
        yield f'heatmaps.{i}', f'outs.{i}.conv'
        yield f'reinjects.{i}.features', f'merge_features.{i}.conv.conv'
        yield f'reinjects.{i}.heatmaps', f'merge_preds.{i}.conv.conv'


# bearpaw's pytorch-pose, anibali's pytorch-hourglass, FPD: levels numbered from the inside.

_bearpaw_config = partial(
    _config, stacks=r'hg\.(\d+)\.', depth=r'hg\.0\.hg\.(\d+)\.', blocks=r'hg\.0\.hg\.0\.0\.(\d+)\.',
    channels='fc.0.0.weight', keypoints='score.0.weight',
    stem=('conv1.weight', 'layer1.0.conv3.weight', 'layer2.0.conv3.weight'))


def _bearpaw_modules(network: StackedHourglass) -> Pairs:
    places = dict(skip=0, down=1, up=2, inner=3)
    blocks = range(network.blocks_per_scale)
    yield from (('stem.0', 'conv1'), ('stem.1', 'bn1'), ('stem.3', 'layer1.0'),
                ('stem.5', 'layer2.0'), ('stem.6', 'layer3.0'))
    for ours, stack, level, place in _places(network):
        theirs = f'hg.{stack}.hg.{network.depth - 1 - level}.{places[place]}'
        yield from ((f'{ours}.{block}', f'{theirs}.{block}') for block in blocks)
    for i in range(network.num_stacks):
        yield from ((f'features.{i}.0.{block}', f'res.{i}.{block}') for block in blocks)
        yield f'features.{i}.1', f'fc.{i}.0'
        yield f'features.{i}.2', f'fc.{i}.1'
        yield f'heatmaps.{i}', f'score.{i}'
        yield f'reinjects.{i}.features', f'fc_.{i}'
        yield f'reinjects.{i}.heatmaps', f'score_.{i}'


# Ours.

def _our_config(tensors: Tensors) -> dict[str, Any]:
    config = _config(
        tensors, stacks=r'hourglasses\.(\d+)\.', depth=r'hourglasses\.0((\.inner)+)\.',
        blocks=r'hourglasses\.0\.skip\.(\d+)\.', channels='features.0.1.weight',
        keypoints='heatmaps.0.weight',
        stem=('stem.0.weight', 'stem.3.branch.8.weight', 'stem.5.branch.8.weight'))
    if 'stem.3.branch.5.0.weight' in tensors:
        config['residual'] = 'depthwise'
    return config


def _our_modules(network: StackedHourglass) -> Pairs:
    return ((name, name) for name, _ in network.named_modules())


# Mean and deviation of RGB pixels (0 to 255): (pixels - mean) / deviation goes into the network. A
# checkpoint does not record them. Princeton's networks take [0, 1]; bearpaw's and anibali's take
# [0, 1] less MPII's mean (0.4404, 0.4440, 0.4327); FPD, with bearpaw's layout, takes ImageNet's
# mean and deviation.
PIXELS: dict[str, Pixels] = {
    'unit': ([0, 0, 0], [255, 255, 255]),
    'bearpaw': ([112.302, 113.22, 110.3385], [255, 255, 255]),
    'imagenet': ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
}

# Nothing is re-injected behind the last stack, though some projects store the convolutions for it.
# Princeton's residuals make a skip convolution even where the width stays, and do not call it.
FAMILIES = (
    Family('princeton', 'hgs.0.0.up1.conv1.conv.weight', _princeton_config, _princeton_modules,
           ('bn1', 'conv1.conv', 'bn2', 'conv2.conv', 'bn3', 'conv3.conv', 'skip_layer.conv'),
           lambda stacks: rf'.*\.skip_layer\.|merge_(features|preds)\.{stacks - 1}\.', 'unit'),
    Family('bearpaw', 'hg.0.hg.0.0.0.conv1.weight', _bearpaw_config, _bearpaw_modules,
           ('bn1', 'conv1', 'bn2', 'conv2', 'bn3', 'conv3', 'downsample.0'),
           lambda stacks: rf'(fc_|score_)\.{stacks - 1}\.', 'bearpaw'),
    Family('hourglass', 'hourglasses.0.skip.0.branch.2.weight', _our_config, _our_modules,
           _RESIDUAL, lambda stacks: rf'reinjects\.{stacks - 1}\.', 'unit'),
)

# Prefixes of names in other networks, so that an error can say which one the file holds.
OTHERS = {
    'hourglass_modules.': "mmpose's HourglassNet, which has other layers and no re-injection",
    'stage2.0.branches.': 'an HRNet',
    'layer4.0.conv1.': 'a ResNet',
}
