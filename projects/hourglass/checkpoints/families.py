"""Naming schemes: what each public project calls the parts of the network.

A *family* is described by two things alone: which names say what size the network has, and what
every part of ours is called there. The descriptions come from the names and shapes in released
checkpoints.
"""
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from hourglass.models.backbone import StackedHourglass
from hourglass.models.network import Hourglass, Residual

Tensors = dict[str, Tensor]
Pairs = Iterator[tuple[str, str]]           # (our module's name, its name in the checkpoint)


def _count(tensors: Tensors, pattern: str) -> int:
    """How many different numbers the first group of ``pattern`` takes among the names."""
    return len({match[1] for match in map(re.compile(pattern).match, tensors) if match})


def _deepest(tensors: Tensors, hourglass: str, level: str) -> int:
    """How many times ``level`` is nested in the names that start with ``hourglass``."""
    return max((name.count(level) for name in tensors if name.startswith(hourglass)), default=0)


@dataclass(frozen=True)
class Family:
    """A naming scheme.

    Attributes:
        name: the project best known for it.
        marker: a tensor whose name appears in this family alone.
        config: tensors -> the arguments of :class:`StackedHourglass`.
        modules: network -> pairs of names for every convolution, BatchNorm and residual.
        residual: the names of a residual's parts, in the order of ``_RESIDUAL``.
        dead: number of stacks -> pattern of the names of what it stores without computing with it.
        pixels: how its pixels go in, a key of :data:`PIXELS`.
    """

    name: str
    marker: str
    config: Callable[[Tensors], dict]
    modules: Callable[[StackedHourglass], Pairs]
    residual: tuple[str, ...]
    dead: Callable[[int], str]
    pixels: str


_RESIDUAL = ('branch.0', 'branch.2', 'branch.3', 'branch.5', 'branch.6', 'branch.8', 'skip')


def tensor_names(network: StackedHourglass, family: Family) -> Pairs:
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
    return dict(
        num_stacks=_count(tensors, r'hgs\.(\d+)\.'),
        channels=tensors['features.0.1.conv.weight'].shape[0],
        num_keypoints=tensors['outs.0.conv.weight'].shape[0],
        depth=_deepest(tensors, 'hgs.0.', '.low2'),
        blocks_per_scale=1,
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


# Ours.

def _our_config(tensors: Tensors) -> dict:
    heatmaps = tensors.get('heatmaps.0.weight')
    config = dict(
        num_stacks=_count(tensors, r'hourglasses\.(\d+)\.'),
        channels=tensors['features.0.1.weight'].shape[0],
        num_keypoints=None if heatmaps is None else heatmaps.shape[0],
        depth=_deepest(tensors, 'hourglasses.0.', '.inner'),
        blocks_per_scale=_count(tensors, r'hourglasses\.0\.skip\.(\d+)\.'),
        stem_channels=tuple(tensors[name].shape[0] for name in (
            'stem.0.weight', 'stem.3.branch.8.weight', 'stem.5.branch.8.weight')))
    if 'stem.3.branch.5.0.weight' in tensors:
        config['residual'] = 'depthwise'
    return config


def _our_modules(network: StackedHourglass) -> Pairs:
    return ((name, name) for name, _ in network.named_modules())


# What is taken off the RGB pixels (0 to 255) and what they are then divided by. A checkpoint does
# not tell: princeton's networks see [0, 1]; from bearpaw's and anibali's pixels in [0, 1] MPII's
# mean (0.4404, 0.4440, 0.4327) is taken off; FPD, whose layout is bearpaw's, takes ImageNet's mean
# and deviation.
PIXELS = {
    'unit': ([0, 0, 0], [255, 255, 255]),
    'bearpaw': ([112.302, 113.22, 110.3385], [255, 255, 255]),
    'imagenet': ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
}

# Behind the last stack nothing is re-injected, though some store what would do it. Princeton's
# residuals make a skip convolution even where the width stays, and then do not call it.
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

# What the names of other networks begin with, so that a refusal can say what the file holds.
OTHERS = {
    'hourglass_modules.': "mmpose's HourglassNet, which has other layers and no re-injection",
    'stage2.0.branches.': 'an HRNet',
    'layer4.0.conv1.': 'a ResNet',
}
