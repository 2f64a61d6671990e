"""Naming schemes: the names that each public project gives to the parts of the network.

A *family* is data alone: every name in it stands where ours stands in :data:`OURS`. The names come
from released checkpoints.
"""
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from torch import Tensor

from hourglass.models.backbone import StackedHourglass
from hourglass.models.network import Residual

Tensors = dict[str, Tensor]
Pixels = tuple[list[float], list[float]]    # mean and deviation


@dataclass(frozen=True)
class Family:
    """A naming scheme. Its templates take ``stack`` and ``block``, numbered from 0."""

    name: str                           # of the project best known for it
    marker: str                         # name of a tensor that appears in this family alone
    sizes: tuple[str, str, str]         # patterns whose different first groups are counted: the
                                        # stacks, the levels of an hourglass, the blocks at a place
    stem: tuple[str, ...]               # its convolution, BatchNorm and residuals
    hourglass: str                      # template of its residuals: ``place``, and the level as
                                        # ``height`` (0 is innermost) or ``outer`` (its prefix)
    places: tuple[str, str, str, str]   # skip, down, up, inner
    stack: tuple[str, ...]              # templates of what follows an hourglass
    residual: tuple[str, ...]           # parts of a residual
    unused: str                         # pattern of names not used; ``last`` is the last stack
    pixels: str                         # normalisation of its input, a key of PIXELS

    def config(self, tensors: Tensors) -> dict[str, Any]:
        """Return the arguments of :class:`StackedHourglass`, or raise ``KeyError``."""
        def count(pattern: str) -> int:
            return len({match[1] for match in map(re.compile(pattern).match, tensors) if match})

        def width(module: str) -> int:
            return tensors[f'{module}.weight'].shape[0]
        stacks, depth, blocks = map(count, self.sizes)
        channels, heatmaps = (self.stack[i].format(stack=0) for i in (1, 3))
        config: dict[str, Any] = dict(
            num_stacks=stacks, channels=width(channels),
            num_keypoints=width(heatmaps) if f'{heatmaps}.weight' in tensors else None,
            depth=depth, blocks_per_scale=blocks,
            stem_channels=(width(self.stem[0]), *(width(f'{residual}.{self.residual[5]}')
                                                  for residual in self.stem[2:4])))
        if 'stem.3.branch.5.0.weight' in tensors:
            config['residual'] = 'depthwise'
        return config

    def modules(self, stacks: int, depth: int, blocks: int) -> Iterator[str]:
        """Yield the names of convolutions, BatchNorms and residuals, in one order for all."""
        yield from self.stem
        for stack, block in product(range(stacks), range(blocks)):
            yield from (name.format(stack=stack, block=block) for name in self.stack)
            for level, place in product(range(depth), self.places):
                yield self.hourglass.format(
                    stack=stack, outer=f'{self.places[3]}.' * level, height=depth - 1 - level,
                    place=place, block=block)


def tensor_names(network: StackedHourglass, family: Family) -> Iterator[tuple[str, str]]:
    """Yield (our name, their name) of every tensor of the network."""
    sizes = network.num_stacks, network.depth, network.blocks_per_scale
    names = dict(zip(OURS.modules(*sizes), family.modules(*sizes)))
    for residual, module in network.named_modules():
        if isinstance(module, Residual):
            theirs = names.pop(residual)
            names |= {f'{residual}.{part}': f'{theirs}.{their_part}'
                      for part, their_part in zip(OURS.residual, family.residual)}
    for tensor in network.state_dict():
        module, kind = tensor.rsplit('.', 1)
        # a depthwise convolution, which is in networks of ours alone, keeps its name
        yield tensor, f'{names.get(module, module)}.{kind}'


# Mean and deviation of RGB pixels (0 to 255): (pixels - mean) / deviation goes into the network. A
# checkpoint does not record them. Princeton's networks take [0, 1]; bearpaw's and anibali's take
# [0, 1] less MPII's mean (0.4404, 0.4440, 0.4327); FPD, with bearpaw's layout, takes ImageNet's
# mean and deviation.
PIXELS: dict[str, Pixels] = {
    'unit': ([0, 0, 0], [255, 255, 255]),
    'bearpaw': ([112.302, 113.22, 110.3385], [255, 255, 255]),
    'imagenet': ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
}

# Nothing is re-injected after the last stack, but some projects store the convolutions for it.
OURS = Family(
    name='hourglass', marker='hourglasses.0.skip.0.branch.2.weight',
    sizes=(r'hourglasses\.(\d+)\.', r'hourglasses\.0((\.inner)+)\.',
           r'hourglasses\.0\.skip\.(\d+)\.'),
    stem=('stem.0', 'stem.1', 'stem.3', 'stem.5', 'stem.6'),
    hourglass='hourglasses.{stack}.{outer}{place}.{block}',
    places=('skip', 'down.1', 'up.0', 'inner'),
    stack=('features.{stack}.0.{block}', 'features.{stack}.1', 'features.{stack}.2',
           'heatmaps.{stack}', 'reinjects.{stack}.features', 'reinjects.{stack}.heatmaps'),
    residual=('branch.0', 'branch.2', 'branch.3', 'branch.5', 'branch.6', 'branch.8', 'skip'),
    unused=r'reinjects\.{last}\.', pixels='unit')

# pytorch_stacked_hourglass (princeton-vl, BSD-3): one residual per place. Its residuals make a skip
# convolution even where the width stays, and do not call it.
_PRINCETON = Family(
    name='princeton', marker='hgs.0.0.up1.conv1.conv.weight',
    sizes=(r'hgs\.(\d+)\.', r'hgs\.0\.0((\.low2)+)\.', r'hgs\.0\.(0)\.'),
    stem=('pre.0.conv', 'pre.0.bn', 'pre.1', 'pre.3', 'pre.4'),
    hourglass='hgs.{stack}.0.{outer}{place}', places=('up1', 'low1', 'low3', 'low2'),
    stack=('features.{stack}.0', 'features.{stack}.1.conv', 'features.{stack}.1.bn',
           'outs.{stack}.conv', 'merge_features.{stack}.conv.conv',
           'merge_preds.{stack}.conv.conv'),
    residual=('bn1', 'conv1.conv', 'bn2', 'conv2.conv', 'bn3', 'conv3.conv', 'skip_layer.conv'),
    unused=r'.*\.skip_layer\.|merge_(features|preds)\.{last}\.', pixels='unit')

# bearpaw's pytorch-pose, anibali's pytorch-hourglass, FPD: levels numbered from the inside
_BEARPAW = Family(
    name='bearpaw', marker='hg.0.hg.0.0.0.conv1.weight',
    sizes=(r'hg\.(\d+)\.', r'hg\.0\.hg\.(\d+)\.', r'hg\.0\.hg\.0\.0\.(\d+)\.'),
    stem=('conv1', 'bn1', 'layer1.0', 'layer2.0', 'layer3.0'),
    hourglass='hg.{stack}.hg.{height}.{place}.{block}', places=('0', '1', '2', '3'),
    stack=('res.{stack}.{block}', 'fc.{stack}.0', 'fc.{stack}.1', 'score.{stack}', 'fc_.{stack}',
           'score_.{stack}'),
    residual=('bn1', 'conv1', 'bn2', 'conv2', 'bn3', 'conv3', 'downsample.0'),
    unused=r'(fc_|score_)\.{last}\.', pixels='bearpaw')

FAMILIES = (_PRINCETON, _BEARPAW, OURS)

# Prefixes of names in other networks, so that an error can say which one the file holds.
OTHERS = {
    'hourglass_modules.': "mmpose's HourglassNet, which has other layers and no re-injection",
    'stage2.0.branches.': 'an HRNet',
    'layer4.0.conv1.': 'a ResNet',
}
