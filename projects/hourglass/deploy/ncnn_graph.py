"""A network in the format of ncnn, which has the fastest 3x3 convolutions for processors.

ncnn (Tencent, BSD-3) computes them by Winograd's method, F(4x4, 3x3): a quarter of the
multiplications. A network is a text with a line per layer, and the weights one after the other
(ncnn's wiki, "param and model file structure"). Shapes in it have no batch.
"""
from __future__ import annotations

import struct
from collections import Counter

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hourglass.errors import ConfigError
from hourglass.models.backbone import StackedHourglass
from hourglass.models.fuse import folded, merged
from hourglass.models.network import Hourglass, Residual

INPUT, OUTPUT = 'images', 'stage'               # OUTPUT is followed by the number of the stage
_MAGIC = '7767517'
# stand before the weights of a convolution
_FLOAT32, _FLOAT16 = (struct.pack('<i', tag) for tag in (0, 0x01306b47))


@torch.no_grad()
def ncnn_graph(network: nn.Module, every_stage: bool = False,
               normalize: nn.Conv2d | None = None, half: bool = False) -> tuple[str, bytes]:
    """Return a network as ncnn's text and weights, from :data:`INPUT` (3, H, W) to ``stageN``.

    N is the last stack; ``every_stage`` adds the outputs ``stage0``, ``stage1``, ... of the others.
    ncnn computes only the requested output, and continues from there for the next one.
    ``normalize`` comes first if it is given, and ``half`` stores weights as float16. It is fused
    as in :func:`hourglass.models.fuse.fuse`. Raises ``ConfigError`` for another kind of network.
    """
    if not isinstance(network, StackedHourglass):
        raise ConfigError(f'ncnn: takes a StackedHourglass, not a {type(network).__name__}')
    graph, outputs = _Graph(half), {}
    x, last = graph.layer(
        INPUT, nn.Sequential(normalize or nn.Identity(), network.stem)), network.num_stacks - 1
    for stack in range(network.num_stacks):
        features = graph.layer(graph.layer(x, network.hourglasses[stack]), network.features[stack])
        prediction = nn.Identity() if network.heatmaps is None else network.heatmaps[stack]
        if every_stage or stack == last:
            outputs[graph.layer(features, prediction)] = f'{OUTPUT}{stack}'
        if stack < last:
            x = graph.sum(x, graph.layer(features, merged(network.reinjects[stack], prediction)))
    return graph.text(outputs), b''.join(graph.weights)


class _Graph:
    """Layers in the order in which they were added; methods take and return names of maps."""

    def __init__(self, half: bool):
        self.half = half
        self.layers = [('Input', INPUT, list[str](), '')]       # type, map, inputs, parameters
        self.weights: list[bytes] = []

    def add(self, kind: str, inputs: list[str], parameters: str = '') -> str:
        name = f'map{len(self.layers)}'
        self.layers.append((kind, name, inputs, parameters))
        return name

    def sum(self, x: str, y: str) -> str:
        return self.add('BinaryOp', [x, y], '0=0')

    def layer(self, x: str, layer: nn.Module) -> str:
        """Add a part of the network and everything in it."""
        if isinstance(layer, nn.Sequential):
            return self.sequence(x, layer)
        if isinstance(layer, Hourglass):
            skip = self.sequence(x, layer.skip)
            inner = self.layer(self.sequence(x, layer.down), layer.inner)
            return self.sum(skip, self.sequence(inner, layer.up))
        if isinstance(layer, Residual):
            return self.sum(self.sequence(x, layer.branch), self.layer(x, layer.skip))
        if isinstance(layer, nn.Identity):
            return x
        if isinstance(layer, nn.Conv2d):
            return self.convolution(x, layer)
        if isinstance(layer, _BatchNorm):
            self.weights += map(_bytes, (
                layer.weight, layer.running_mean, layer.running_var, layer.bias))
            return self.add('BatchNorm', [x], f'0={layer.num_features} 1={layer.eps}')
        if isinstance(layer, nn.ReLU):
            return self.add('ReLU', [x])
        if isinstance(layer, nn.MaxPool2d):
            return self.add('Pooling', [x], '0=0 1=2 2=2')
        if isinstance(layer, nn.Upsample):
            return self.add('Interp', [x], '0=1 1=2.0 2=2.0')
        raise ConfigError(f'ncnn: has no layer for {type(layer).__name__}; choose another runtime')

    def sequence(self, x: str, layers: nn.Sequential) -> str:
        row = folded(layers)
        for before, layer, after in zip([None, *row], row, [*row[1:], None]):
            if isinstance(layer, nn.Conv2d):
                x = self.convolution(x, layer, relu=isinstance(after, nn.ReLU))
            elif not (isinstance(layer, nn.ReLU) and isinstance(before, nn.Conv2d)):
                x = self.layer(x, layer)
        return x

    def convolution(self, x: str, conv: nn.Conv2d, relu: bool = False) -> str:
        kind, groups = (('Convolution', '') if conv.groups == 1 else
                        ('ConvolutionDepthWise', f' 7={conv.groups}'))
        self.weights += [*_tagged(conv.weight, self.half), _bytes(conv.bias)]
        return self.add(kind, [x], (
            f'0={conv.out_channels} 1={conv.kernel_size[0]} 3={conv.stride[0]} '
            f'4={conv.padding[0]} 5={int(conv.bias is not None)} 6={conv.weight.numel()} '
            f'9={int(relu)}{groups}'))

    def text(self, outputs: dict[str, str]) -> str:
        """Return all layers as lines, with a Split where several layers read one map."""
        readers = Counter(name for _, _, inputs, _ in self.layers for name in inputs)
        copies = {name: [f'{name}_{i}' for i in range(count)] if count > 1 else [name]
                  for name, count in readers.items()}
        unread = {name: iter(of_one) for name, of_one in copies.items()}
        lines, maps = [], len(self.layers)
        for kind, name, inputs, parameters in self.layers:
            read = ' '.join(next(unread[map_]) for map_ in inputs)
            lines.append(f'{kind} {name} {len(inputs)} 1 {read} {outputs.get(name, name)} '
                         f'{parameters}')
            if readers[name] > 1:
                lines.append(f"Split {name}_split 1 {readers[name]} {name} "
                             f"{' '.join(copies[name])}")
                maps += readers[name]
        return '\n'.join([_MAGIC, f'{len(lines)} {maps}', *lines, ''])


def _tagged(weight: Tensor, half: bool) -> tuple[bytes, bytes]:
    """The tag of a type, and weights of this type up to a multiple of 4 bytes."""
    if not half:
        return _FLOAT32, _bytes(weight)
    numbers = weight.detach().cpu().half().contiguous().numpy().tobytes()
    return _FLOAT16, numbers + bytes(-len(numbers) % 4)


def _bytes(values: Tensor | None) -> bytes:
    return b'' if values is None else values.detach().cpu().float().contiguous().numpy().tobytes()
