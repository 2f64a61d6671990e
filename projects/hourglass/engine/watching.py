"""Runs that go wrong without an error of their own: losses that are no numbers, silent loaders."""
import logging
import math
import multiprocessing
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.structures import BaseDataElement
from torch import Tensor

from hourglass.errors import DataError, TrainingError
from hourglass.io.files import replacing
from hourglass.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """End a run at a loss that is NaN or infinite, before the optimiser steps with it.

    ``nonfinite_iter_N.pt`` in the work folder then holds what is needed to look at it, readable
    with ``torch.load(..., weights_only=True)``: ``iteration``, ``epoch``, ``seed``, ``losses`` by
    name, ``batch`` as it came from the loader, ``images`` and ``indices`` of its samples, and
    ``state_dict`` with the weights that gave the loss (statistics of normalisation have seen the
    batch).

    On a GPU the loss is copied aside while the gradients are computed, and read when their kernels
    are queued: the host waits for the forward pass, and the device never for the host.
    """

    def __init__(self):
        self.batch, self.losses, self.patched = None, {}, []

    def before_train(self, runner) -> None:
        model, wrapper = getattr(runner.model, 'module', runner.model), runner.optim_wrapper
        if not isinstance(wrapper, OptimWrapper):       # several optimisers: no step is the step
            return
        parse_losses, backward = model.parse_losses, wrapper.backward

        def noting_losses(losses: dict) -> tuple:
            total, self.losses = parse_losses(losses)
            return total, self.losses

        def checked_backward(loss: Tensor, **kwargs) -> None:
            read = _on_its_way(loss.detach())
            backward(loss, **kwargs)
            if not math.isfinite(read()):
                self._stop(runner, model)

        model.parse_losses, wrapper.backward = noting_losses, checked_backward
        self.patched = [(model, 'parse_losses'), (wrapper, 'backward')]

    def after_train(self, runner) -> None:
        while self.patched:
            delattr(*self.patched.pop())        # the method of its class is behind it

    leave_run = after_train

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.batch = data_batch

    def _stop(self, runner, model) -> None:
        losses = {name: value.item() for name, value in self.losses.items()}
        samples = self.batch.get('data_samples', []) if isinstance(self.batch, dict) else []
        metainfo = [getattr(sample, 'metainfo', {}) for sample in samples]
        images = [info.get('img_path') for info in metainfo]
        weights = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
        broken = [name for name, parameter in model.named_parameters()
                  if not parameter.isfinite().all()]
        content = dict(
            iteration=runner.iter + 1, epoch=runner.epoch + 1, seed=runner.seed, losses=losses,
            batch=plain(self.batch), images=images,
            indices=[plain(info.get('id', info.get('sample_idx'))) for info in metainfo],
            state_dict=weights)
        rank = f'_rank_{runner.rank}' if runner.distributed else ''
        path = Path(runner.work_dir, f'nonfinite_iter_{runner.iter + 1}{rank}.pt')
        try:
            with replacing(path) as draft:
                torch.save(content, draft)
            saved = f'batch, weights and losses are in {path}'
        except DataError as error:
            saved = str(error)
        worst = next((f'{name} {value}' for name, value in reversed(losses.items())
                      if not math.isfinite(value)), 'the loss')      # mmengine puts the sum first
        state = f"{len(broken)} weights are no numbers, first '{broken[0]}'" if broken else (
            'the weights are finite')
        raise TrainingError(
            f'iteration {runner.iter + 1}: {worst}, {state}; nothing was updated with it; {saved}; '
            f"first image {images[0] if images else 'unknown'}. A lower learning rate, "
            'clip_grad or that image?')


def _on_its_way(loss: Tensor) -> Callable[[], float]:
    """Start to copy a scalar to the host; the function that waits for it and reads it."""
    if not loss.is_cuda:
        return loss.item
    copy = torch.empty((), dtype=loss.dtype, pin_memory=True).copy_(loss, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()

    def read() -> float:
        arrived.synchronize()
        return copy.item()
    return read


def plain(value):
    """Nested data as tensors on the host and plain containers, which a weights-only load reads."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in 'biuf':
        return torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, BaseDataElement):
        return {key: plain(item) for key, item in value.all_items()}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | float | None) else repr(value)


@HOOKS.register_module()
class LoaderWatchHook(Hook):
    """Warn while a data loader gives no batch, which otherwise looks like a slow run.

    Args:
        minutes: without a batch before each warning.
    """

    priority = 'LOWEST'

    def __init__(self, minutes: float = 5):
        self.seconds = 60 * minutes
        self.waiting: tuple[str, float] | None = None       # for which loader, since when
        self.ended = threading.Event()

    def before_train(self, runner) -> None:
        self.ended.clear()
        threading.Thread(target=self._watch, args=(runner.logger,), daemon=True).start()

    def after_train(self, runner) -> None:
        self.ended.set()

    leave_run = after_train

    def _watch(self, logger: logging.Logger) -> None:
        told = 0.0
        while not self.ended.wait(self.seconds / 10):
            now, waiting = time.monotonic(), self.waiting
            if waiting and now - max(waiting[1], told) > self.seconds:
                told = now
                workers = [str(child.pid) for child in multiprocessing.active_children()]
                logger.warning(
                    f'{waiting[0]}: no batch for {(now - waiting[1]) / 60:.3g} minutes, from '
                    f"{'data workers ' + ', '.join(workers) if workers else 'this process'}: does "
                    'the disk of the images hang, or a transform?')

    def _before_epoch(self, runner, mode: str = 'train') -> None:
        self.waiting = f'{mode}_dataloader', time.monotonic()

    def _after_epoch(self, runner, mode: str = 'train') -> None:
        self.waiting = None

    def _before_iter(self, runner, batch_idx, data_batch=None, mode: str = 'train') -> None:
        self.waiting = None

    def _after_iter(self, runner, batch_idx, data_batch=None, outputs=None,
                    mode: str = 'train') -> None:
        self.waiting = f'{mode}_dataloader', time.monotonic()
