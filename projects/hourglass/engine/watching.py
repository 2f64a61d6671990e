"""Runs that fail without an error of their own: losses that are not finite, silent loaders."""
from __future__ import annotations

import logging
import math
import multiprocessing
import threading
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor

from hourglass.engine.agreement import NUMBERS, NUMBERS_THERE
from hourglass.engine.distributed import unwrapped
from hourglass.errors import DataError, TrainingError
from hourglass.io.files import replacing
from hourglass.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Hook that ends a run at a loss that is not finite, before the optimiser steps with it.

    In a distributed run also at a gradient that is not finite. There the gradients of such a loss
    become NaN, with which DDP's reduction carries the news to all ranks: each leaves out the step,
    and they agree on the rank to blame.

    ``nonfinite_iter_N.pt`` in the work folder then holds ``iteration``, ``epoch``, ``seed``,
    ``losses``, ``batch`` from the loader, ``images`` and ``indices`` of its samples, and
    ``state_dict`` with the weights that gave the loss; ``torch.load`` reads it weights-only.
    """

    priority = 'VERY_HIGH'              # before others take such an iteration for a good one

    def __init__(self):
        self.batch: dict = {}
        self.losses: dict[str, Tensor] = {}
        self.patched: list[tuple[object, str, Callable | None]] = []
        self.error: TrainingError | None = None         # in a distributed run, of this iteration

    def before_train(self, runner: Runner) -> None:
        model, wrapper = unwrapped(runner.model), runner.optim_wrapper
        parse_losses, backward, step = model.parse_losses, wrapper.backward, wrapper.step

        def noting_losses(losses: dict) -> tuple[Tensor, dict]:
            total, self.losses = parse_losses(losses)
            return total, self.losses

        def checked_backward(loss: Tensor, **kwargs: object) -> None:
            read = _start_reading(loss.detach())
            backward(loss * (1 + 0 * loss.detach()) if runner.distributed else loss, **kwargs)
            finite = math.isfinite(read())
            # a scaler leaves out steps with such gradients by design
            broken = _first_not_finite(model) if runner.distributed and not hasattr(
                wrapper, 'loss_scaler') else None
            if finite and broken is None:
                return
            error = self._keep(runner, model) if not finite else TrainingError(
                f'iteration {runner.iter + 1}: the loss is finite, the gradient of {broken} is not;'
                ' no weight was updated with it. Try a lower learning rate or clip_grad')
            if not runner.distributed:
                raise error
            # reduced gradients are those of all ranks, which are all here
            elsewhere = broken and wrapper.should_update() and not self._own_broken(runner, model)
            error.code = (  # type: ignore[attr-defined]  # for ResumableLoop
                NUMBERS_THERE if finite and elsewhere else NUMBERS)
            self.error = error          # raised after the iteration, in which others wait for this

        @wraps(step)                    # schedules look for a mark on it
        def checked_step(**kwargs: object) -> None:
            if self.error is None:
                step(**kwargs)

        for owner, function, name in ((model, noting_losses, 'parse_losses'),
                                      (wrapper, checked_backward, 'backward'),
                                      (wrapper, checked_step, 'step')):
            self.patched.append((owner, name, vars(owner).get(name)))
            setattr(owner, name, function)

    def _own_broken(self, runner: Runner, model: BaseModel) -> bool:
        """Compute the gradients of this rank's batch again, without reducing them."""
        model.zero_grad()
        with runner.optim_wrapper.optim_context(model):
            data = model.data_preprocessor(self.batch, True)
            loss, _ = model.parse_losses(model._run_forward(data, mode='loss'))
        loss.backward()
        return _first_not_finite(model) is not None

    def after_train_iter(self, runner: Runner, **step: object) -> None:
        if self.error is not None:
            raise self.error

    def after_train(self, runner: Runner) -> None:
        while self.patched:
            owner, name, before = self.patched.pop()
            if before is None:
                delattr(owner, name)            # reveals the method of its class
            else:
                setattr(owner, name, before)

    leave_run = after_train

    def before_train_iter(self, runner: Runner, data_batch: dict, **more: object) -> None:
        self.batch = data_batch

    def _keep(self, runner: Runner, model: BaseModel) -> TrainingError:
        """Save what gave a loss that is not finite; return the error that says so."""
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
        return TrainingError(
            f'iteration {iteration}: {worst}, {state}; no weight was updated with it; {saved}; '
            f"first image {images[0] if images else 'unknown'}. Try a lower learning rate or "
            'clip_grad, or check that image')


def _first_not_finite(model: BaseModel) -> str | None:
    """Return the name of the first parameter with a gradient that is not finite."""
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()
                 if parameter.grad is not None}
    norms = torch.stack(torch._foreach_norm(list(gradients.values())))      # one call, and one wait
    if norms.isfinite().all():
        return None
    # a norm can overflow where no number does
    return next((name for name, gradient in gradients.items() if not gradient.isfinite().all()),
                None)


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

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        self.waiting = f'{mode}_dataloader', time.monotonic()

    def _after_epoch(self, runner: Runner, mode: str = 'train') -> None:
        self.waiting = None

    def _before_iter(self, runner: Runner, batch_idx: int, mode: str = 'train', **step: object
                     ) -> None:
        self.waiting = None                             # the batch is there

    def _after_iter(self, runner: Runner, batch_idx: int, mode: str = 'train', **step: object
                    ) -> None:
        if mode == 'train' or batch_idx + 1 < len(getattr(runner, f'{mode}_dataloader')):
            self._before_epoch(runner, mode)            # metrics follow the last batch

    def after_validation(self, runner: Runner) -> None:
        self._before_epoch(runner)
