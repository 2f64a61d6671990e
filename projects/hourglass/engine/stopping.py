"""Runs that save a checkpoint when a signal stops them."""
from __future__ import annotations

import os
import signal
import threading
from types import FrameType

import torch
from mmengine.device import get_device
from mmengine.dist import all_reduce
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner

from hourglass.engine.saving import STOPPED, SafeCheckpointHook
from hourglass.registry import HOOKS

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@HOOKS.register_module()
class StopHook(Hook):
    """Hook that saves a checkpoint and ends the run on SIGTERM (preemption) or Ctrl-C.

    The current iteration, of training or validation, is finished first. The process then exits with
    128 + the signal's number, as a shell reports it. A second signal kills at once. In a
    distributed run a signal to one process stops all.
    """

    priority = 'LOWEST'                 # when all other hooks have done the iteration's work

    def __init__(self):
        self.signal = 0
        self.before: dict = {}          # the handlers to restore

    def before_train(self, runner: Runner) -> None:
        self.process = os.getpid()
        if threading.current_thread() is threading.main_thread():       # only it may set handlers
            self.before = {number: signal.signal(number, self._note) for number in SIGNALS}

    def after_train(self, runner: Runner) -> None:
        while self.before:
            signal.signal(*self.before.popitem())

    leave_run = after_train

    def _note(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self.process:         # a data worker: its parent will end it
            return
        self.signal = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        # data workers may have got the signal, too: their end must not interrupt this iteration
        if hasattr(signal, 'SIGCHLD'):          # not on Windows
            self.before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.write(2, f'\n{signal.Signals(number).name}: saving a checkpoint after this iteration; '
                 'a second signal ends the run at once\n'.encode())

    def after_train_iter(self, runner: Runner, **step: object) -> None:
        if self._signalled(runner):
            self._stop(runner, runner.iter + 1)

    def after_val_iter(self, runner: Runner, **step: object) -> None:
        # processes may have different numbers of batches here, so they agree only at the end
        if self.signal and not runner.distributed:
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):
                    hook._swap_ema_parameters()         # back, as after a validation
            self._stop(runner, runner.iter)

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        if self.before and self._signalled(runner):
            self._stop(runner, runner.iter)

    def before_loader_error(self, runner: Runner) -> None:
        """Stop between two iterations if data workers were lost, perhaps to the same signal."""
        if self.signal:
            self._stop(runner, runner.iter)

    def _signalled(self, runner: Runner) -> bool:
        """Return whether any process got a signal."""
        if runner.distributed:
            anywhere = torch.tensor(self.signal, device=get_device())
            all_reduce(anywhere, 'max')
            self.signal = int(anywhere)
        return self.signal > 0

    def _stop(self, runner: Runner, iterations: int) -> None:
        outcome = 'nothing saved, as there is no SafeCheckpointHook'
        for hook in runner.hooks:
            if isinstance(hook, SafeCheckpointHook):
                path = hook.save(runner, STOPPED, dict(epoch=runner.epoch, iter=iterations))
                outcome = f'saved to {path}: continue with the same command and --resume'
        runner.logger.warning(f'stopped by {signal.Signals(self.signal).name} after iteration '
                              f'{iterations}; {outcome}')
        raise SystemExit(128 + self.signal)
