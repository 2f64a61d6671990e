"""A network in the format of ncnn, whose 3x3 convolutions on a processor are the fastest there are.

ncnn (Tencent, BSD-3) computes them by Winograd's method, F(4x4, 3x3): a quarter of the
multiplications. A network is a text with a line per layer and the weights one after the other
(its wiki, "param and model file structure"). Shapes in it have no batch.
"""
import struct
from collections import Counter

import torch
from torch import Tensor, nn

from hourglass.errors import ConfigError
from hourglass.models.backbone import StackedHourglass
from hourglass.models.fuse import folded, merged
from hourglass.models.network import Hourglass, Residual

INPUT, OUTPUT = 'images', 'stage'       # with a number behind it
_MAGIC = '7767517'
_FLOAT32 = struct.pack('<i', 0)                 # stands before the weights of a convolution


@torch.no_grad()
def ncnn_graph(network: StackedHourglass, every_stage: bool = False) -> tuple[str, bytes]:
    """Layers as text, and weights: from :data:`INPUT` (3, H, W) to ``stageN``, the last output.

    BatchNorms are folded and reinjections merged as in :func:`hourglass.models.fuse.fuse`.

    Args:
        network: with N + 1 stacks.
        every_stage: give ``stage0``, ``stage1``, ... too. ncnn computes what is asked for, and goes
            on from there when the next is.

    Raises:
        ConfigError: for another kind of network.
    """
    if not isinstance(network, StackedHourglass):
        raise ConfigError(f'ncnn: takes a StackedHourglass, not a {type(network).__name__}')
    graph, outputs = _Graph(), {}
    x, last = graph.sequence(INPUT, network.stem), network.num_stacks - 1
    predictions = network.heatmaps or [nn.Identity()] * network.num_stacks
    for stack, (hourglass, prediction) in enumerate(zip(network.hourglasses, predictions,
                                                        strict=True)):
        features = graph.sequence(graph.hourglass(x, hourglass), network.features[stack])
        if every_stage or stack == last:
            outputs[graph.sequence(features, nn.Sequential(prediction))] = f'{OUTPUT}{stack}'
        if stack < last:
            x = graph.sum(x, graph.convolution(features, merged(network.reinjects[stack],
                                                                prediction)))
    return graph.text(outputs), b''.join(graph.weights)


class _Graph:
    """Layers as they are added. Every method takes names of maps and gives the name of its own."""

    def __init__(self):
        self.layers: list[tuple[str, list[str], str]] = []      # type, inputs, parameters
        self.weights: list[bytes] = []

    def add(self, kind: str, inputs: list[str], parameters: str = '') -> str:
        self.layers.append((kind, inputs, parameters))
        return f'map{len(self.layers) - 1}'

    def sequence(self, x: str, layers: nn.Sequential) -> str:
        for layer, following in _pairs(folded(layers)):
            if isinstance(layer, nn.Conv2d):
                x = self.convolution(x, layer, relu=isinstance(following, nn.ReLU))
            elif isinstance(layer, nn.BatchNorm2d):
                x = self.norm(x, layer)
            elif isinstance(layer, Residual):
                x = self.residual(x, layer)
            elif isinstance(layer, nn.MaxPool2d):
                x = self.add('Pooling', [x], '0=0 1=2 2=2')
            elif isinstance(layer, nn.Upsample):
                x = self.add('Interp', [x], '0=1 1=2.0 2=2.0')
            elif isinstance(layer, nn.ReLU):        # else it is part of the convolution before
                x = self.add('ReLU', [x])
        return x

    def hourglass(self, x: str, level: Hourglass) -> str:
        skip, inner = self.sequence(x, level.skip), level.inner
        x = self.sequence(x, level.down)
        x = self.hourglass(x, inner) if isinstance(inner, Hourglass) else self.sequence(x, inner)
        return self.sum(skip, self.sequence(x, level.up))

    def residual(self, x: str, residual: Residual) -> str:
        branch = self.sequence(x, residual.branch)
        skip = residual.skip
        return self.sum(branch, self.convolution(x, skip) if isinstance(skip, nn.Conv2d) else x)

    def sum(self, x: str, y: str) -> str:
        return self.add('BinaryOp', [x, y], '0=0')

    def norm(self, x: str, norm: nn.BatchNorm2d) -> str:
        for values in (norm.weight, norm.running_mean, norm.running_var, norm.bias):
            self.weights.append(_bytes(values))
        return self.add('BatchNorm', [x], f'0={norm.num_features} 1={norm.eps}')

    def convolution(self, x: str, conv: nn.Conv2d, relu: bool = False) -> str:
        kind, groups = (('Convolution', '') if conv.groups == 1 else
                        ('ConvolutionDepthWise', f' 7={conv.groups}'))
        biased = conv.bias is not None
        self.weights += [_FLOAT32, _bytes(conv.weight), *([_bytes(conv.bias)] if biased else [])]
        return self.add(kind, [x], (
            f'0={conv.out_channels} 1={conv.kernel_size[0]} 3={conv.stride[0]} '
            f'4={conv.padding[0]} 5={int(biased)} 6={conv.weight.numel()} 9={int(relu)}{groups}'))

    def text(self, outputs: dict[str, str]) -> str:
        """All layers; a map that several take goes through a Split, as ncnn wants it.

        Args:
            outputs: maps that are given out -> by which name.
        """
        readers = Counter(name for _, inputs, _ in self.layers for name in inputs)
        taken, lines, maps = Counter(), [], 0

        def copy_of(name: str) -> str:
            if readers[name] == 1:
                return name
            taken[name] += 1
            return f'{name}_{taken[name] - 1}'

        def line(kind: str, name: str, inputs: list[str], outputs: list[str], parameters: str = ''
                 ) -> None:
            nonlocal maps
            maps += len(outputs)
            lines.append(' '.join([kind, name, str(len(inputs)), str(len(outputs)), *inputs,
                                   *outputs, parameters]))
            if len(outputs) == 1 and readers[outputs[0]] > 1:
                copies = [f'{outputs[0]}_{i}' for i in range(readers[outputs[0]])]
                line('Split', f'{name}_split', outputs, copies)

        line('Input', INPUT, [], [INPUT])
        for index, (kind, inputs, parameters) in enumerate(self.layers):
            name = f'map{index}'
            line(kind, name, [copy_of(given) for given in inputs],
                 [outputs.get(name, name)], parameters)
        return '\n'.join([_MAGIC, f'{len(lines)} {maps}', *lines, ''])


def _pairs(layers: list[nn.Module]) -> list[tuple[nn.Module, nn.Module | None]]:
    """Each layer with the next; a ReLU right behind a convolution is left out."""
    pairs = list(zip(layers, [*layers[1:], None], strict=True))
    before = [None, *layers[:-1]]
    return [pair for pair, previous in zip(pairs, before, strict=True)
            if not (isinstance(pair[0], nn.ReLU) and isinstance(previous, nn.Conv2d))]


def _bytes(values: Tensor) -> bytes:
    return values.detach().cpu().float().contiguous().numpy().tobytes()
