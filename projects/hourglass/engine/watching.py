"""Runs that fail without an error of their own: losses that are not finite, silent loaders."""
import logging
import math
import multiprocessing
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor

from hourglass.engine.distributed import unwrapped
from hourglass.errors import DataError, TrainingError
from hourglass.io.files import replacing
from hourglass.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Hook that ends a run at a loss that is not finite, before the optimiser steps with it.

    ``nonfinite_iter_N.pt`` in the work folder then holds ``iteration``, ``epoch``, ``seed``,
    ``losses``, ``batch`` from the loader, ``images`` and ``indices`` of its samples, and
    ``state_dict`` with the weights that gave the loss; ``torch.load`` reads it weights-only.
    """

    def __init__(self):
        self.batch: dict = {}
        self.losses: dict[str, Tensor] = {}
        self.patched: list[tuple[object, str]] = []

    def before_train(self, runner: Runner) -> None:
        model, wrapper = unwrapped(runner.model), runner.optim_wrapper
        parse_losses, backward = model.parse_losses, wrapper.backward

        def noting_losses(losses: dict) -> tuple[Tensor, dict]:
            total, self.losses = parse_losses(losses)
            return total, self.losses

        def checked_backward(loss: Tensor, **kwargs: object) -> None:
            read = _start_reading(loss.detach())
            backward(loss, **kwargs)
            if not math.isfinite(read()):
                self._stop(runner, model)

        model.parse_losses, wrapper.backward = noting_losses, checked_backward
        self.patched = [(model, 'parse_losses'), (wrapper, 'backward')]

    def after_train(self, runner: Runner) -> None:
        while self.patched:
            delattr(*self.patched.pop())        # reveals the method of its class

    leave_run = after_train

    def before_train_iter(self, runner: Runner, data_batch: dict, **more: object) -> None:
        self.batch = data_batch

    def _stop(self, runner: Runner, model: BaseModel) -> None:
        iteration = runner.iter + 1
        losses = {name: value.item() for name, value in self.losses.items()}
        samples = self.batch.get('data_samples', ()) if isinstance(self.batch, dict) else ()
        infos = [sample.metainfo for sample in samples]
        images = [info.get('img_path') for info in infos]
        rank = f'_rank_{runner.rank}' if runner.distributed else ''
        path = Path(runner.work_dir, f'nonfinite_iter_{iteration}{rank}.pt')
        try:
            with replacing(path) as draft:
                torch.save(dict(
                    iteration=iteration, epoch=runner.epoch + 1, seed=runner.seed, losses=losses,
                    batch=plain(self.batch), images=images,
                    indices=[plain(info.get('id', info.get('sample_idx'))) for info in infos],
                    state_dict=plain(model.state_dict())), draft)
            saved = f'batch, weights and losses are in {path}'
        except DataError as error:
            saved = str(error)
        worst = next((f'{name} {value}' for name, value in reversed(losses.items())
                      if not math.isfinite(value)), 'the loss')      # mmengine puts the sum first
        broken = [name for name, weight in model.named_parameters() if not weight.isfinite().all()]
        state = f"{len(broken)} weights are not finite, first '{broken[0]}'" if broken else (
            'the weights are finite')
        raise TrainingError(
            f'iteration {iteration}: {worst}, {state}; no weight was updated with it; {saved}; '
            f"first image {images[0] if images else 'unknown'}. Try a lower learning rate or "
            'clip_grad, or check that image')


def _start_reading(loss: Tensor) -> Callable[[], float]:
    """Start to copy a scalar to the host; return a function that waits for it and returns it.

    The host then waits for the forward pass alone, while the GPU computes the gradients.
    """
    if not loss.is_cuda:
        return loss.item
    copy = torch.empty((), dtype=loss.dtype, pin_memory=True).copy_(loss, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()

    def read() -> float:
        arrived.synchronize()
        return copy.item()
    return read


def plain(value: Any) -> Any:
    """Return nested data as tensors on the host and plain containers, for a weights-only load."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in 'biuf':
        return torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, BaseDataElement):
        value = dict(value.all_items())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, type(None))) else repr(value)


@HOOKS.register_module()
class LoaderWatchHook(Hook):
    """Hook that warns after every ``minutes`` in which a data loader gives no batch."""

    priority = 'LOWEST'

    def __init__(self, minutes: float = 5):
        self.seconds = 60 * minutes
        self.waiting: tuple[str, float] | None = None       # for which loader, since when
        self.warned = 0.0
        self.ended = threading.Event()

    def before_train(self, runner: Runner) -> None:
        self.ended.clear()
        threading.Thread(target=self._watch, args=(runner.logger,), daemon=True).start()

    def after_train(self, runner: Runner) -> None:
        self.ended.set()

    leave_run = after_train

    def _watch(self, logger: logging.Logger) -> None:
        while not self.ended.wait(self.seconds / 10):
            self.check(logger)

    def check(self, logger: logging.Logger) -> None:
        """Warn if the loader has given no batch for too long, at most once in that time."""
        now, waiting = time.monotonic(), self.waiting
        if waiting and now - max(waiting[1], self.warned) > self.seconds:
            self.warned = now
            workers = ', '.join(str(child.pid) for child in multiprocessing.active_children())
            logger.warning(
                f'{waiting[0]}: no batch for {(now - waiting[1]) / 60:.3g} minutes, from '
                f"{f'data workers {workers}' if workers else 'this process'}: does the disk of the "
                'images hang, or a transform?')

    def _before_epoch(self, runner: Runner, mode: str = 'train', **step: object) -> None:
        self.waiting = f'{mode}_dataloader', time.monotonic()

    def _after_epoch(self, runner: Runner, mode: str = 'train', **step: object) -> None:
        self.waiting = None

    _after_iter, _before_iter = _before_epoch, _after_epoch     # a batch is awaited, or is there
