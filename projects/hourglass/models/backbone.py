"""The network of the paper as configs build it: with options, and errors of one line."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hourglass.errors import ConfigError, did_you_mean
from hourglass.models import network
from hourglass.models.layers import replace_layers
from hourglass.models.network import Residual


class DepthwiseResidual(Residual):
    """A residual module with a separable 3x3 convolution: one 3x3 filter a channel, then a 1x1.

    Nothing stands between the two (Xception, Chollet, CVPR 2017, section 4.7). At 256 features it
    has 84,608 parameters, the bottleneck 214,528. Not in the paper.
    """

    @staticmethod
    def spatial(channels: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, groups=channels,
                                       bias=False), nn.Conv2d(channels, channels, 1))


RESIDUALS = {'bottleneck': Residual, 'depthwise': DepthwiseResidual}


class StackedHourglass(network.StackedHourglass):
    """:class:`hourglass.models.network.StackedHourglass` with options that are not in the paper.

    Args:
        num_stacks, channels, num_keypoints, depth, blocks_per_scale, stem_channels, in_channels:
            as there.
        heatmap_std: standard deviation of the initial weights of the prediction convolutions.
            ``None`` starts them like every other convolution, as Lua does: the first heatmaps are
            then far larger than any target, and training first has to unlearn them. 0.001 (HRNet,
            mmpose) starts at empty heatmaps and leaves that plateau many times sooner.
        residual: ``'bottleneck'`` (paper) or ``'depthwise'`` (:class:`DepthwiseResidual`), for
            every residual module, those of the stem included.
        with_cp: keep no feature map inside the stem and the stacks for the backward pass, which
            computes them again, stack by stack: less memory, more time, the same numbers. Named
            as in OpenMMLab's backbones.
        frozen_stages: what is not trained, neither weights nor running statistics: 0 the stem, N
            the stem and the first N stacks with the re-injections between them, -1 nothing.
        norm_eval: normalise with the running statistics while training, too, and keep them.
        init_cfg: how mmengine initialises the weights, such as ``dict(type='Pretrained',
            checkpoint=..., prefix='backbone.')``; default: PyTorch's way.
        norm_cfg, act_cfg: other normalisations and activations, as for
            :func:`hourglass.models.layers.replace_layers`; default: the paper's.
        out_indices: the stacks, from 0, whose features are returned; default all.

    Raises:
        ConfigError: for a count that is no whole number above 0, an odd ``channels``, a width of
            the stem below 2, an unknown ``residual`` or layer, more frozen stages than stacks, or
            ``out_indices`` with heatmaps or without the last stack; in ``forward``, for images of
            another shape than (B, in_channels, H, W) with H and W multiples of ``4 * 2**depth``.
    """

    def __init__(self, num_stacks: int = 8, channels: int = 256, num_keypoints: int | None = 16,
                 depth: int = 4, blocks_per_scale: int = 1,
                 stem_channels: tuple[int, int, int] = (64, 128, 128),
                 heatmap_std: float | None = None, residual: str = 'bottleneck',
                 with_cp: bool = False, frozen_stages: int = -1, norm_eval: bool = False,
                 init_cfg: dict | list[dict] | None = None, in_channels: int = 3,
                 norm_cfg: dict | None = None, act_cfg: dict | None = None,
                 out_indices: Sequence[int] | None = None):
        for name, value in dict(num_stacks=num_stacks, channels=channels, depth=depth,
                                blocks_per_scale=blocks_per_scale, num_keypoints=num_keypoints,
                                in_channels=in_channels).items():
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ConfigError(f'{name} is {value!r}: give a whole number, 1 or more')
        if channels % 2:
            raise ConfigError(f'channels is {channels}: an even number needed, residuals halve it')
        if residual not in RESIDUALS:
            raise ConfigError(f"residual is '{residual}': give {' or '.join(RESIDUALS)}"
                              f'{did_you_mean(residual, RESIDUALS)}')
        if len(stem_channels) != 3 or min(stem_channels) < 2:           # a residual halves it
            raise ConfigError(f'stem_channels is {tuple(stem_channels)}: give three widths, each 2 '
                              'or more')
        if frozen_stages not in range(-1, num_stacks + 1):
            raise ConfigError(f'frozen_stages is {frozen_stages!r}: give -1 for none, 0 for the '
                              f'stem, or up to {num_stacks} for as many stacks, too')
        if out_indices is not None and num_keypoints is not None:
            raise ConfigError('out_indices is for features, with num_keypoints=None; the head '
                              'weighs and chooses heatmaps with stage_weights and predict_stage')
        self.out_indices = tuple(range(num_stacks) if out_indices is None else out_indices)
        if not {num_stacks - 1} <= set(self.out_indices) <= set(range(num_stacks)):
            raise ConfigError(f'out_indices is {self.out_indices}: give stacks from 0 to '
                              f'{num_stacks - 1}, the last of them too, as no loss would reach it')
        super().__init__(num_stacks, channels, num_keypoints, depth, blocks_per_scale,
                         stem_channels, RESIDUALS[residual], in_channels)
        self.channels, self.num_keypoints, self.depth = channels, num_keypoints, depth
        self.in_channels = in_channels
        self.blocks_per_scale, self.residual = blocks_per_scale, RESIDUALS[residual]
        self.with_cp, self.norm_eval, self.init_cfg = with_cp, norm_eval, init_cfg
        self.is_init = False
        if norm_cfg and not (norm_eval or norm_cfg.get('requires_grad', True)):
            raise ConfigError('norm_cfg: requires_grad=False leaves the running statistics moving; '
                              'set norm_eval=True, too, or freeze whole parts with frozen_stages')
        replace_layers(self, norm_cfg, act_cfg)
        if self.heatmaps is not None and heatmap_std is not None:
            start_near_zero(self.heatmaps, heatmap_std)
        self.frozen = {'stem'} if frozen_stages >= 0 else set()
        for part, count in (('hourglasses', frozen_stages), ('features', frozen_stages),
                            ('heatmaps', frozen_stages), ('reinjects', frozen_stages - 1)):
            self.frozen |= {f'{part}.{stack}' for stack in range(count)}
        for name, module in self.named_modules():
            if name in self.frozen:
                module.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> StackedHourglass:
        super().train(mode)
        for name, module in self.named_modules():
            if name in self.frozen or (self.norm_eval and isinstance(module, _BatchNorm)):
                module.eval()
        return self

    def init_weights(self) -> None:
        """Initialise the weights as ``init_cfg`` says; mmengine's models call this once."""
        if self.init_cfg and not self.is_init:
            from mmengine.model import initialize  # whose caller has imported it
            initialize(self, self.init_cfg)
        self.is_init = True

    @property
    def num_stacks(self) -> int:
        return len(self.hourglasses)

    @property
    def num_stages(self) -> int:
        return len(self.out_indices)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        check_input(images, self.depth, self.in_channels)
        recomputes = self.with_cp and torch.is_grad_enabled()
        outputs = recomputed_forward(self, images) if recomputes else super().forward(images)
        return tuple(outputs[stack] for stack in self.out_indices)


def check_input(images: Tensor, depth: int, in_channels: int) -> None:
    """Raise a ConfigError unless images (B, in_channels, H, W) fit ``depth`` levels."""
    if images.ndim != 4 or images.shape[1] != in_channels:
        raise ConfigError(f'images of shape {tuple(images.shape)}; the network takes '
                          f'(B, {in_channels}, H, W), as its in_channels is {in_channels}')
    height, width = images.shape[-2:]
    step = 4 * 2**depth                 # the stem divides by 4, every level by 2
    if height % step or width % step:
        fits = [max(step, (side + step // 2) // step * step) for side in (width, height)]
        raise ConfigError(
            f'input of {width}x{height} (w x h) does not fit {depth} levels: both sides '
            f'must be multiples of {step}, for example {fits[0]}x{fits[1]}')


def start_near_zero(predictions: nn.ModuleList, std: float) -> None:
    """Draw the weights of convolutions from a normal distribution, and set their biases to 0."""
    for name, parameter in predictions.named_parameters():
        if name.endswith('bias'):
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, std=std)


def recomputed_forward(model: network.StackedHourglass, images: Tensor) -> tuple[Tensor, ...]:
    """The forward pass for (B, 3, H, W) that keeps the input of each stack, and nothing inside.

    Outputs, gradients and running statistics are those of ``model(images)``.
    """
    def stack(i: int, x: Tensor) -> tuple[Tensor, Tensor | None]:
        features = model.features[i](model.hourglasses[i](x))           # (B, C, h, w)
        heatmaps = model.heatmaps[i](features) if model.heatmaps else None
        is_last = i == len(model.reinjects)
        return (features if heatmaps is None else heatmaps,
                None if is_last else model.reinjects[i](x, features, heatmaps))

    x = recomputed(model.stem, [model.stem], images)                    # (B, C, h, w)
    outputs = []
    for i in range(len(model.hourglasses)):
        output, x = recomputed(stack, [model.hourglasses[i], model.features[i]], i, x)
        outputs.append(output)
    return tuple(outputs)


def recomputed(function: Callable, modules: Sequence[nn.Module], *inputs: Any) -> Any:
    """Call ``function(*inputs)`` and keep nothing but its inputs; the backward pass calls it again.

    It draws no random numbers; calls after the first leave the buffers of the ``modules`` alone.
    """
    from torch.utils.checkpoint import checkpoint  # imports sympy with torch 2.4

    called = False

    def call(*inputs: Any) -> Any:
        nonlocal called
        with _copied_buffers(modules) if called else nullcontext():
            called = True
            return function(*inputs)

    return checkpoint(call, *inputs, use_reentrant=False, preserve_rng_state=False)


@contextmanager
def _copied_buffers(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Give modules copies of their buffers for a while, else BatchNorm counts the same batch twice.

    torch leaves this to the caller. A momentum of 0 would still count the batch, and
    ``track_running_stats=False`` saves other tensors than the first call did.
    """
    own = [(module, dict(module._buffers)) for root in modules for module in root.modules()
           if module._buffers]
    for module, buffers in own:
        module._buffers.update({name: buffer if buffer is None else buffer.clone()
                                for name, buffer in buffers.items()})
    try:
        yield
    finally:
        for module, buffers in own:
            module._buffers.update(buffers)
