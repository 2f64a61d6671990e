"""A trained network rewritten to do less for the same outputs; needs torch alone.

Every BatchNorm after a convolution becomes part of it; the BatchNorm and ReLU that open a residual
become one clamp; between two stacks three linear convolutions become one; sums and activations
overwrite tensors that are no longer needed, and an upsampled map is added without being written.
"""
import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hourglass.errors import ConfigError
from hourglass.models.backbone import StackedHourglass, check_input
from hourglass.models.network import Hourglass, Reinject, Residual


@torch.no_grad()
def fuse(network: StackedHourglass) -> 'FusedHourglass':
    """Rewrite a network so that it gives the same last output in less time, for prediction only.

    ``network`` is not changed. Outputs differ by rounding, by 1e-6 to 1e-4 of the largest. Raises
    ``ConfigError`` for another kind of network, or other layers than BatchNorm and ReLU.
    """
    if not isinstance(network, StackedHourglass):
        raise ConfigError(f'fuse: takes a StackedHourglass, not a {type(network).__name__}')
    if others := unfusable(network):
        raise ConfigError(f'fuse: merges BatchNorm and ReLU, and the network has {others[0]}')
    device = next(network.parameters()).device
    on_cpu = copy.deepcopy(network).cpu()       # Apple's GPUs have no float64
    return FusedHourglass(on_cpu).eval().requires_grad_(False).to(device)


def unfusable(network: nn.Module) -> list[str]:
    """Return the types of layers in a network that cannot be fused, sorted."""
    return sorted({type(layer).__name__ for layer in network.modules()
                   if not next(layer.children(), None) and not isinstance(layer, _FUSABLE)
                   } | {f'{type(layer).__name__} without weights or running statistics'
                        for layer in network.modules() if isinstance(layer, _BatchNorm)
                        and not (layer.affine and layer.track_running_stats)})


_FAR = 1e30                             # an edge beyond it is none: float32 ends at 3e38
_FUSABLE = (nn.Conv2d, _BatchNorm, nn.ReLU, nn.MaxPool2d, nn.Upsample, nn.Identity, nn.ModuleList)


class FusedHourglass(nn.Module):
    """Images (B, 3, H, W) -> a tuple of one tensor, the output of the network's last stack."""

    def __init__(self, network: StackedHourglass):
        super().__init__()
        self.depth, self.in_channels = network.depth, network.in_channels
        self.stem = fused(network.stem)
        self.hourglasses = nn.ModuleList(map(fused, network.hourglasses))
        self.features = nn.ModuleList(map(fused, network.features))
        predictions = network.heatmaps or [nn.Identity()] * network.num_stacks
        self.outputs = nn.ModuleList(map(fused, predictions))
        self.reinjects = nn.ModuleList(map(merged, network.reinjects, predictions[:-1]))

    def forward(self, images: Tensor) -> tuple[Tensor]:
        check_input(images, self.depth, self.in_channels)
        x = self.stem(images)                                               # (B, C, h, w)
        for stack, reinject in enumerate(self.reinjects):
            x = reinject(self.stack(stack, x)).add_(x)
        return (self.outputs[-1](self.stack(len(self.reinjects), x)),)

    def stack(self, stack: int, x: Tensor) -> Tensor:
        """The input of a stack -> the features its prediction is made of, both (B, C, h, w)."""
        return self.features[stack](self.hourglasses[stack](x))


class FusedLevel(nn.Module):
    """One :class:`Hourglass`, (B, C, h, w) -> (B, C, h, w)."""

    def __init__(self, level: Hourglass):
        super().__init__()
        self.skip, self.down, self.inner = map(fused, (level.skip, level.down, level.inner))
        self.up = fused(level.up[:-1])                                  # without the upsampling

    def forward(self, x: Tensor) -> Tensor:
        skip, small = self.skip(x), self.up(self.inner(self.down(x)))
        blocks = skip.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2))     # (B, C, h/2, 2, w/2, 2)
        blocks.add_(small[:, :, :, None, :, None])
        return skip


class FusedResidual(nn.Module):
    """One :class:`Residual`, (B, in, h, w) -> (B, out, h, w)."""

    def __init__(self, residual: Residual):
        super().__init__()
        norm, _, *rest = residual.branch
        first, *others = map(fused, folded(nn.Sequential(*rest)))
        assert isinstance(norm, _BatchNorm) and isinstance(first, nn.Conv2d)
        self.branch = nn.Sequential(*clamped(norm, first), *others)
        self.skip = fused(residual.skip)

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x).add_(self.skip(x))


class Clamp(nn.Module):
    """Every channel of (B, C, h, w) between bounds of its own, (C,) each."""

    low: Tensor
    high: Tensor

    def __init__(self, low: Tensor, high: Tensor):
        super().__init__()
        self.register_buffer('low', low[:, None, None])
        self.register_buffer('high', high[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(self.low, self.high)


def fused(module: nn.Module) -> nn.Module:
    """A part of a network with its hourglasses, residuals and convolutions replaced."""
    if isinstance(module, Hourglass):
        return FusedLevel(module)
    if isinstance(module, Residual):
        return FusedResidual(module)
    if isinstance(module, nn.Sequential):
        return nn.Sequential(*map(fused, folded(module)))
    return copy.deepcopy(module)


def folded(layers: nn.Sequential) -> list[nn.Module]:
    """The layers of nested sequences in one list, each BatchNorm folded into the layer before.

    W' = s W, b' = s (b - mean) + beta with s = gamma / sqrt(var + eps).
    """
    row: list[nn.Module] = []
    for layer in _flat(layers):
        before = row[-1] if row else None
        if isinstance(layer, _BatchNorm) and isinstance(before, nn.Conv2d):
            scale, shift = _affine(layer)
            row[-1] = _copied(before, before.weight.double() * scale[:, None, None, None],
                              _bias(before) * scale + shift)
        else:
            row.append(layer)
    return row


def clamped(norm: _BatchNorm, conv: nn.Conv2d) -> tuple[Clamp, nn.Conv2d]:
    """BatchNorm, ReLU and a 1x1 convolution as a clamp and a 1x1 convolution.

    relu(s x + c) = s clamp(x) + c, where x is cut at -c/s, from below if s > 0 and from above if
    s < 0; s and c then move into the convolution.
    """
    scale, shift = _affine(norm)
    edge = -shift / scale
    dead = ~(edge.abs() < _FAR)                 # such a channel is relu(c) for every x
    scale, edge = torch.where(dead, 0, scale), torch.where(dead, 0, edge)
    shift = torch.where(dead, shift.relu(), shift)
    weight = conv.weight.double()
    low, high = edge.where(scale >= 0, -torch.inf), edge.where(scale <= 0, torch.inf)
    return (Clamp(low.to(conv.weight.dtype), high.to(conv.weight.dtype)),
            _copied(conv, weight * scale[:, None, None], _bias(conv) + weight[:, :, 0, 0] @ shift))


def merged(reinject: nn.Module, prediction: nn.Module) -> nn.Conv2d:
    """Make a 1x1 convolution from a stack's features to what :class:`Reinject` adds to its input.

    ``prediction``, from features to heatmaps, is not used if ``reinject`` takes no heatmaps.
    """
    assert isinstance(reinject, Reinject)
    features = reinject.features
    if reinject.heatmaps is None:
        return copy.deepcopy(features)
    assert isinstance(prediction, nn.Conv2d)
    back = reinject.heatmaps.weight.double()[:, :, 0, 0]                        # (C, K)
    weight = features.weight.double()[:, :, 0, 0] + back @ prediction.weight.double()[:, :, 0, 0]
    bias = _bias(features) + _bias(reinject.heatmaps) + back @ _bias(prediction)
    return _copied(features, weight[:, :, None, None], bias)


def _flat(layers: nn.Sequential) -> Iterator[nn.Module]:
    for layer in layers:
        yield from _flat(layer) if type(layer) is nn.Sequential else (layer,)


def _affine(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """Scale and shift (C,) of a BatchNorm in eval mode, in float64."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def _bias(conv: nn.Conv2d) -> Tensor:
    """The bias (C,) in float64, zeros if there is none."""
    bias = conv.weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias
    return bias.double()


def _copied(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> nn.Conv2d:
    twin = copy.deepcopy(conv)
    twin.weight.copy_(weight)
    twin.bias = nn.Parameter(bias.to(conv.weight.dtype))
    return twin
