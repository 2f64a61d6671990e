"""Several processes train as one would on the union of their batches."""
from __future__ import annotations

import torch
import torch.distributed as dist
from mmengine.dist import all_reduce_dict, all_reduce_params
from mmengine.model import BaseModel, MMDistributedDataParallel, is_model_wrapper
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.autograd.function import Function, FunctionCtx, once_differentiable

from hourglass.registry import MODEL_WRAPPERS


def unwrapped(model: nn.Module) -> BaseModel:
    """Return the model of a runner without the wrapper of a distributed run."""
    return model.module if is_model_wrapper(model) else model


class _SumOverRanks(Function):
    """The sum of every rank's tensor, on every rank; so is the gradient."""

    @staticmethod
    def forward(ctx: FunctionCtx, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        return _SumOverRanks.forward(ctx, gradient.contiguous())


class SyncBatchNormOnCpu(nn.BatchNorm2d):
    """Batch normalisation (B, C, h, w) over the batches of all ranks, for processes without a GPU.

    torch's has no CPU kernels, and mmcv's needs its compiled ops. Here each rank contributes its
    moments, weighted by its number of pixels, to one all-reduce that gradients pass through, too,
    so outputs, gradients and running statistics are those of one process up to rounding. The
    moments are added in float64, as the variance is a difference of two of them.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        kind = x.dtype if self.weight is None else self.weight.dtype
        variance, mean = torch.var_mean(x.to(kind), (0, 2, 3), correction=0)    # (C,), of this rank
        mean, variance = mean.double(), variance.double()
        own = torch.cat([mean, variance + mean**2, mean.new_ones(1)])
        sums = _SumOverRanks.apply(own * (x.numel() / x.shape[1]))
        pixels = sums[-1].detach()                                  # of all ranks
        mean, square = (sums[:-1] / pixels).chunk(2)
        variance = square - mean**2
        with torch.no_grad():
            momentum = self.momentum
            if self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
                if momentum is None:                                # a mean of all batches
                    momentum = 1 / float(self.num_batches_tracked)
            for running, now in ((self.running_mean, mean),
                                 (self.running_var, variance * pixels / (pixels - 1))):
                if running is not None and momentum is not None:
                    running.lerp_(now.to(running.dtype), momentum)
        scale = torch.rsqrt(variance + self.eps).to(kind)
        if self.weight is not None:
            scale = self.weight * scale
        shift = -mean.to(kind) * scale if self.bias is None else self.bias - mean.to(kind) * scale
        return (x * scale[:, None, None] + shift[:, None, None]).to(x.dtype)


@MODEL_WRAPPERS.register_module()
class DataParallel(MMDistributedDataParallel):
    """mmengine's wrapper of a network in a distributed run, with changes that make the run exact.

    * The weights are channels-last before DDP plans where gradients lie. ``ChannelsLastHook`` comes
      later, and DDP alone would then copy every gradient once more.
    * Running statistics of batch normalisation are averaged after every step, and not only at an
      epoch's end (``SyncBuffersHook``): other checkpoints and averaged weights hold them, too.
    * Logged losses are the mean over the ranks, not the first rank's.
    * ``sync_bn='torch'`` works without a GPU, see :class:`SyncBatchNormOnCpu`.
    """

    def __init__(self, module: nn.Module, device_ids: list[int] | None = None,
                 broadcast_buffers: bool = False, **kwargs: object):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in stubs
        if next(module.parameters()).device.type == 'cpu':
            device_ids = None               # as DDP demands
            if dist.get_world_size() > 2:
                # else DDP orders the gradients anew after the first step, and gloo then adds those
                # of three ranks in another order: a resumed run would not be the same bit for bit
                kwargs.setdefault('find_unused_parameters', True)
            for layer in module.modules():
                if isinstance(layer, nn.SyncBatchNorm):
                    # the same tensors and settings; DDP refuses subclasses of SyncBatchNorm here
                    layer.__class__ = SyncBatchNormOnCpu  # type: ignore[assignment]  # as meant
        super().__init__(module, device_ids=device_ids, broadcast_buffers=broadcast_buffers,
                         **kwargs)
        self._statistics = [
            buffer for layer in module.modules()
            if isinstance(layer, nn.modules.batchnorm._BatchNorm)
            and not isinstance(layer, (nn.SyncBatchNorm, SyncBatchNormOnCpu))    # equal already
            for buffer in layer.buffers(recurse=False) if buffer.is_floating_point()]

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        logged = super().train_step(data, optim_wrapper)
        all_reduce_dict(logged, 'mean')
        all_reduce_params(self._statistics, op='mean')
        return logged
