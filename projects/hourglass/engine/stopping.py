"""Runs that save a checkpoint when a signal stops them."""
from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner

from hourglass.engine.saving import STOPPED, SafeCheckpointHook
from hourglass.errors import DataError
from hourglass.registry import HOOKS

SIGNALS = tuple(signal.Signals[name] for name in ('SIGTERM', 'SIGINT', 'SIGUSR1')
                if hasattr(signal, name))       # Windows has no SIGUSR1


@HOOKS.register_module()
class StopHook(Hook):
    """Hook that saves a checkpoint and ends the run on SIGTERM, SIGUSR1 (preemption) or Ctrl-C.

    The current iteration, of training or validation, is finished first. The process then exits with
    128 + the signal's number, as a shell reports it. A second signal kills at once.

    In a distributed run a signal to one process stops all, before the next training iteration
    (:class:`hourglass.engine.loops.ResumableLoop`), and further ones are ignored, as launchers send
    a signal to processes that have it already, and another one when the first process has ended.
    """

    priority = 'LOWEST'                 # when all other hooks have done the iteration's work

    def __init__(self):
        self.signal = 0
        self.together = self.validating = False
        self.before: dict = {}          # the handlers to restore

    def before_train(self, runner: Runner) -> None:
        self.process, self.loop = os.getpid(), runner.train_loop
        self.together = getattr(self.loop, 'agreement', None) is not None
        if threading.current_thread() is threading.main_thread():       # only it may set handlers
            self.before = {number: signal.signal(number, self._note) for number in SIGNALS}

    def after_train(self, runner: Runner) -> None:
        while self.before:
            signal.signal(*self.before.popitem())

    leave_run = after_train

    def _note(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self.process:         # a data worker: its parent will end it
            return
        self.signal = self.loop.signal = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN if self.together else signal.SIG_DFL)
        # data workers may have got the signal, too: their end must not interrupt this iteration
        if hasattr(signal, 'SIGCHLD') and not self.together:     # not on Windows
            self.before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.write(2, f'\n{signal.Signals(number).name}: saving a checkpoint after this iteration; '
                 f"a second signal {'is ignored' if self.together else 'ends the run at once'}"
                 '\n'.encode())

    def before_train_iter(self, runner: Runner, **step: object) -> None:
        """Let the loss of a data worker of one of several ranks wait until it loads a batch.

        torch raises it wherever the main thread is, where the other ranks may need this one.
        """
        if self.together and self.before and hasattr(signal, 'SIGCHLD') and (
                handler := signal.getsignal(signal.SIGCHLD)) != self._lost and callable(handler):
            self.before[signal.SIGCHLD] = handler
            signal.signal(signal.SIGCHLD, self._lost)

    def _lost(self, number: int, frame: FrameType | None) -> None:
        if self.loop.loading:
            self.before[signal.SIGCHLD](number, frame)

    def after_train_iter(self, runner: Runner, **step: object) -> None:
        if self.signal and not self.together:
            self._stop(runner, runner.iter + 1)

    def before_val_epoch(self, runner: Runner) -> None:
        self.validating = True
        if self.together:
            self.loop.loading = True
            if not len(runner.val_dataloader):          # fewer people than ranks
                self.loop.agree_on_scores()

    def after_val_iter(self, runner: Runner, batch_idx: int, **step: object) -> None:
        if self.signal and not self.together:
            self._stop(runner, runner.iter)
        # once: a loop of another type may go through its batches again
        if self.together and self.loop.loading and batch_idx + 1 == len(runner.val_dataloader):
            self.loop.agree_on_scores()

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        self.validating = False

    def after_validation(self, runner: Runner) -> None:
        if self.signal and not self.together:
            self._stop(runner, runner.iter)

    before_loader_error = after_validation      # data workers were lost, perhaps to the same signal

    def stop_ranks(self, runner: Runner, why: str, whole: bool = False) -> None:
        """Save and report the end of a distributed run, on all ranks.

        ``why`` begins with the rank that it ends for, and is empty if another rank reports it;
        ``whole`` is whether the run can go on from its state here.
        """
        if self.before:
            for each in SIGNALS:
                self.before.pop(each)
                signal.signal(each, signal.SIG_IGN)
        outcome = 'Go on from the last checkpoint with the same command and --resume'
        if whole:
            try:
                outcome = self._save(runner, runner.iter)
            except DataError as error:
                outcome = f'nothing saved ({error})'
        if why:
            runner.logger.error(f'stopped after iteration {runner.iter} by {why}; {outcome}')

    def _save(self, runner: Runner, iterations: int) -> str:
        for hook in runner.hooks if self.validating else ():
            if isinstance(hook, EMAHook):
                hook._swap_ema_parameters()         # back, as after a validation
        for hook in runner.hooks:
            if isinstance(hook, SafeCheckpointHook):
                path = hook.save(runner, STOPPED, dict(epoch=runner.epoch, iter=iterations))
                return f'saved to {path}: continue with the same command and --resume'
        return 'nothing saved, as there is no SafeCheckpointHook'

    def _stop(self, runner: Runner, iterations: int) -> None:
        outcome = self._save(runner, iterations)
        runner.logger.warning(f'stopped by {signal.Signals(self.signal).name} after iteration '
                              f'{iterations}; {outcome}')
        raise SystemExit(128 + self.signal)
