"""How gradients are made, where mmengine has no fitting way."""
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from torch import nn

from hourglass.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Convolutions and the feature maps between them in bfloat16, weights and losses in float32.

    bfloat16 has the range of float32, so the loss needs no scaling. mmengine's ``AmpOptimWrapper``
    makes a scaler all the same and refuses to run without an accelerator, so that a config that
    names it could not be tried on a CPU.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), torch.autocast(get_device(), dtype=torch.bfloat16):
            yield
