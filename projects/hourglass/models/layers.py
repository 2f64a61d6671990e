"""Other normalisations and activations than the paper's, as OpenMMLab's configs name them."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from hourglass.errors import ConfigError

NORMALISATIONS: dict[str, Callable[..., nn.Module]] = {
    'BN': nn.BatchNorm2d, 'SyncBN': nn.SyncBatchNorm,
    'GN': lambda channels, **options: nn.GroupNorm(num_channels=channels, **options)}
ACTIVATIONS: dict[str, Callable[..., nn.Module]] = {
    layer.__name__: layer for layer in (
        nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish)}
_OTHERS = dict(
    norm_cfg='others need more pixels than the smallest maps have (IN), or maps of one size (LN)',
    act_cfg='a bounded one, such as Sigmoid, would bound what a residual adds')


def replace_layers(network: nn.Module, norm_cfg: Mapping | None, act_cfg: Mapping | None
                   ) -> None:
    """Replace every BatchNorm2d and ReLU in place, unless None is given; names of tensors stay.

    ``type`` is one of :data:`NORMALISATIONS` and :data:`ACTIVATIONS`, and the rest are arguments of
    the layer in torch; ``requires_grad=False`` keeps scales and shifts as they are. Raises
    ``ConfigError`` for another type, or arguments that the layer refuses.
    """
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if norm_cfg is not None and isinstance(layer, nn.BatchNorm2d):
                setattr(parent, name, _layer('norm_cfg', NORMALISATIONS, norm_cfg,
                                             layer.num_features))
            elif act_cfg is not None and isinstance(layer, nn.ReLU):
                setattr(parent, name, _layer('act_cfg', ACTIVATIONS, act_cfg))


def _layer(key: str, kinds: dict[str, Callable[..., nn.Module]], cfg: Mapping, *width: int
           ) -> nn.Module:
    options: dict[str, Any] = dict(cfg)
    kind, trained = options.pop('type', None), options.pop('requires_grad', True)
    if kind not in kinds:
        raise ConfigError(f"{key}.type is {kind!r}: give {', '.join(kinds)}; {_OTHERS[key]}")
    try:
        return kinds[kind](*width, **options).requires_grad_(trained)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{key}={dict(cfg)}{f' for {width[0]} channels' if width else ''}: "
                          f'{error}') from None
