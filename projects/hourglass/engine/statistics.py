"""Batch normalisation that works in training and not in evaluation."""
import math
from contextlib import contextmanager

import torch
from mmengine.hooks import Hook
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hourglass.registry import HOOKS


@HOOKS.register_module()
class BatchNormHook(Hook):
    """Warn before a validation if the running statistics do not stand for the batches'.

    A network then trains well and validates badly, as evaluation alone uses the running ones. The
    last training batch goes through the weights to be validated (the averaged ones, if there are)
    twice, with its own statistics and with the running ones, all else as in evaluation: with a
    sound network both losses are about the same, whatever the batch and however far the training.

    Args:
        factor: warn where the loss with running statistics is more than this times the other.
        min_iterations: no check before, as running statistics begin far from the batches'.
    """

    priority = 'LOW'                    # after EMAHook has put the averaged weights in

    def __init__(self, factor: float = 3, min_iterations: int = 100):
        self.factor, self.min_iterations = factor, min_iterations
        self.batch = None

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.batch = data_batch

    def before_val_epoch(self, runner) -> None:
        if self.batch is None or runner.iter < self.min_iterations:
            return
        model = getattr(runner.model, 'module', runner.model)
        with runner.optim_wrapper.optim_context(runner.model):
            own, running, layer, size = compare_statistics(model, self.batch)
        if not running <= self.factor * own:
            runner.logger.warning(
                f'batch normalisation: the last training batch has a loss of {running:.4g} with '
                f'running statistics, as in this validation, and of {own:.4g} with its own; most '
                f"off is '{layer}', whose features come out {size:.3g} times as large as they "
                'should. Batches that are too small or too alike? Raise the batch size (or '
                'accumulate less), or lower the momentum of the layers')


def compare_statistics(model: nn.Module, batch: dict) -> tuple[float, float, str, float]:
    """What running statistics make of a batch.

    Args:
        model: an mmengine model; it is left as it was.
        batch: as it comes from the loader.

    Returns:
        The losses with the batch's own statistics and with the running ones; the layer whose
        running statistics are most off; and the root mean square of its features normalised with
        them, where 1 is right.
    """
    layers = {name: module for name, module in model.named_modules()
              if isinstance(module, _BatchNorm) and module.running_var is not None}
    sizes = {}

    def measure(name: str):
        def hook(layer: _BatchNorm, inputs: tuple[Tensor]) -> None:
            variance, mean = torch.var_mean(
                inputs[0].float().transpose(0, 1).flatten(1), 1, correction=0)     # (C,)
            square = ((mean - layer.running_mean)**2 + variance) / (layer.running_var + layer.eps)
            sizes[name] = square.mean().sqrt().item()
        return hook

    def loss(own_statistics: bool) -> float:
        model.eval()
        for layer in layers.values():
            layer.train(own_statistics)
        return model.parse_losses(model._run_forward(data, mode='loss'))[0].item()

    with torch.no_grad(), _left_as_it_was(model, layers.values()):
        data = model.data_preprocessor(batch, True)
        running = loss(False)
        hooks = [layer.register_forward_pre_hook(measure(name)) for name, layer in layers.items()]
        try:
            own = loss(True)
        finally:
            for hook in hooks:
                hook.remove()

    def distance(name: str) -> float:
        size = sizes[name]
        return abs(math.log(size)) if 0 < size < math.inf else math.inf
    worst = max(sizes, key=distance, default='none')
    return own, running, worst, sizes.get(worst, 1.0)


@contextmanager
def _left_as_it_was(model: nn.Module, layers):
    """Undo what is done to the modes of modules and to the statistics of layers."""
    modes = {module: module.training for module in model.modules()}
    buffers = [(buffer, buffer.clone()) for layer in layers for buffer in layer.buffers()]
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for buffer, before in buffers:
            buffer.copy_(before)
