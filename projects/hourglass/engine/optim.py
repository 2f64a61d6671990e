"""Optimisation that mmengine lacks: bfloat16, fused steps, and the learning rate of a batch."""
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import OPTIMIZERS
from torch import nn

from hourglass.errors import ConfigError
from hourglass.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Convolutions and the feature maps between them in bfloat16, weights and losses in float32.

    bfloat16 has the range of float32, so the loss needs no scaling. mmengine's ``AmpOptimWrapper``
    creates a scaler anyway and refuses to run without an accelerator.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), torch.autocast(get_device(), dtype=torch.bfloat16):
            yield


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class FusedOptimizerConstructor(DefaultOptimWrapperConstructor):
    """mmengine's constructor, with the fused form of the optimiser where torch has one.

    It updates all weights in one pass. Which optimisers have it depends on the release of torch and
    on the device. A ``fused`` in the config is left as it is.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        if can_fuse(self.optimizer_cfg, next(model.parameters()).device):
            self.optimizer_cfg.setdefault('fused', True)
        return super().__call__(model)


def can_fuse(optimizer: dict, device: torch.device) -> bool:
    """Return whether an optimiser, given by its config, has a fused form on a device."""
    parameter = nn.Parameter(torch.zeros(1, device=device))
    try:
        OPTIMIZERS.build(dict(optimizer, params=[parameter], fused=True))
    except (TypeError, ValueError, RuntimeError):       # has no such argument, or refuses it here
        return False
    return True


def scale_learning_rate(cfg: Config, ranks: int) -> None:
    """Scale the learning rate to the images of a step: ranks x batch size x accumulated batches.

    The scaling is linear (Goyal et al. 2017), from ``auto_scale_lr.base_batch_size``, without which
    it raises ``ConfigError``. mmengine's own does not count accumulated batches, nor scale the
    ``eta_max`` of ``OneCycleLR``, which ignores the rate of the optimiser.
    """
    if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
        raise ConfigError('--auto-scale-lr: the config has no auto_scale_lr.base_batch_size; add '
                          'the batch size that its learning rate is for')
    if 'lr' not in cfg.optim_wrapper.optimizer:
        raise ConfigError('--auto-scale-lr: optim_wrapper.optimizer has no lr to scale')
    images = (ranks * cfg.train_dataloader.batch_size
              * cfg.optim_wrapper.get('accumulative_counts', 1))
    factor, schedules = images / cfg.auto_scale_lr.base_batch_size, cfg.get('param_scheduler') or []
    cfg.optim_wrapper.optimizer.lr *= factor
    for schedule in schedules if isinstance(schedules, list) else [schedules]:
        if 'eta_max' in schedule:
            schedule.eta_max *= factor
    cfg.auto_scale_lr.enable = False            # done
