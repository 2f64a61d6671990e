"""A check for batch normalisation that works in training and not in evaluation."""
import copy
import math
from functools import partial

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from hourglass.engine.distributed import unwrapped
from hourglass.registry import HOOKS


@HOOKS.register_module()
class BatchNormHook(Hook):
    """Hook that warns before a validation if running statistics do not represent the batches'.

    A network then trains well and validates badly, as only evaluation uses the running ones. The
    last training batch passes twice through the weights to be validated (the averaged ones, if
    there are any), with its own statistics and with the running ones, all else as in evaluation. A
    sound network has about the same loss both times, for any batch and at any epoch.

    Args:
        factor: warn where the loss with running statistics is more than this times the other.
        min_iterations: no check before, as running statistics begin far from the batches'.
    """

    priority = 'LOW'                    # after EMAHook has put the averaged weights in

    def __init__(self, factor: float = 3, min_iterations: int = 100):
        self.factor, self.min_iterations = factor, min_iterations
        self.batch: dict | None = None

    def after_train_iter(self, runner: Runner, data_batch: dict, **more: object) -> None:
        self.batch = data_batch

    def before_val_epoch(self, runner: Runner) -> None:
        if self.batch is None or runner.iter < self.min_iterations:
            return
        model = unwrapped(runner.model)
        with runner.optim_wrapper.optim_context(runner.model):
            own, running, layer, size = compare_statistics(model, self.batch)
        if not running <= self.factor * own:
            runner.logger.warning(
                f'batch normalisation: the last training batch has a loss of {running:.4g} with '
                f'running statistics, as in this validation, and of {own:.4g} with its own; '
                f"furthest off is '{layer}': its features become {size:.3g} times as large as "
                'they should. Are the batches too small or too alike? Raise the batch size (or '
                'accumulate less), or lower the momentum of the layers')


def compare_statistics(model: BaseModel, batch: dict) -> tuple[float, float, str, float]:
    """Compare the statistics of a batch, as it comes from the loader, with the running ones.

    Returns the losses with the batch's own statistics and with the running ones; the layer with the
    running statistics that are furthest off; and the root mean square of its features normalised
    with them, where 1 is right. The model stays as it is.
    """
    model = copy.deepcopy(model).train()
    layers = {name: module for name, module in model.named_modules()        # none that is frozen
              if isinstance(module, _BatchNorm) and module.training
              and module.running_var is not None}
    model.eval()
    sizes: dict[str, float] = {}

    def measure(name: str, layer: _BatchNorm, inputs: tuple[Tensor]) -> None:
        assert layer.running_mean is not None and layer.running_var is not None
        variance, mean = torch.var_mean(
            inputs[0].float().transpose(0, 1).flatten(1), 1, correction=0)     # (C,)
        square = ((mean - layer.running_mean)**2 + variance) / (layer.running_var + layer.eps)
        sizes[name] = square.mean().sqrt().item()

    def loss() -> float:
        return model.parse_losses(model._run_forward(data, mode='loss'))[0].item()

    with torch.no_grad():
        data = model.data_preprocessor(batch, True)
        running = loss()
        for name, layer in layers.items():
            layer.train().register_forward_pre_hook(partial(measure, name))
        own = loss()

    def distance(name: str) -> float:
        return abs(math.log(sizes[name])) if 0 < sizes[name] < math.inf else math.inf
    worst = max(sizes, key=distance, default='none')
    return own, running, worst, sizes.get(worst, 1.0)
