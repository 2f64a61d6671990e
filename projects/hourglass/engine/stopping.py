"""Runs that are told to stop: what is done is saved."""
import os
import signal
import threading

import torch
from mmengine.device import get_device
from mmengine.dist import all_reduce
from mmengine.hooks import EMAHook, Hook

from hourglass.engine.checkpoints import SafeCheckpointHook
from hourglass.registry import HOOKS

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@HOOKS.register_module()
class StopHook(Hook):
    """Save a checkpoint and leave when told to, by SIGTERM (preemption) or Ctrl-C.

    The current iteration, of training or of validation, is finished first; the process then leaves
    with 128 and the signal's number, 143 or 130, as a shell reports a process that was killed. A
    second signal kills at once. In a distributed run a signal to one process stops all.
    """

    priority = 'LOWEST'                 # when all other hooks have done the iteration's work

    def __init__(self):
        self.signal = 0
        self.before = {}

    def before_train(self, runner) -> None:
        self.process = os.getpid()
        if threading.current_thread() is threading.main_thread():       # none other may set them
            self.before = {number: signal.signal(number, self._note) for number in SIGNALS}

    def after_train(self, runner) -> None:
        while self.before:
            signal.signal(*self.before.popitem())

    leave_run = after_train

    def _note(self, number: int, frame) -> None:
        if os.getpid() != self.process:         # a data worker: its parent will end it
            return
        self.signal = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        # data workers may have got the signal, too: their end is no reason to break off midway
        self.before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.write(2, f'\n{signal.Signals(number).name}: saving a checkpoint after this iteration; '
                 'a second signal ends the run at once\n'.encode())

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if self._told(runner):
            self._stop(runner, runner.iter + 1)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        # processes need not have equally many batches here, so they cannot agree before its end
        if self.signal and not runner.distributed:
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):
                    hook._swap_ema_parameters()         # back, as after a validation
            self._stop(runner, runner.iter)

    def after_val_epoch(self, runner, metrics=None) -> None:
        if self.before and self._told(runner):
            self._stop(runner, runner.iter)

    def before_loader_error(self, runner) -> None:
        """Data workers are lost between two iterations, perhaps to the same signal."""
        if self.signal:
            self._stop(runner, runner.iter)

    def _told(self, runner) -> bool:
        if not runner.distributed:
            return self.signal > 0
        anywhere = torch.tensor(self.signal, device=get_device())
        all_reduce(anywhere, 'max')
        self.signal = int(anywhere)
        return self.signal > 0

    def _stop(self, runner, iterations: int) -> None:
        saver = next((hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)), None)
        words = f'stopped by {signal.Signals(self.signal).name} after iteration {iterations}'
        if saver is None:
            runner.logger.warning(f'{words}; nothing saved, as there is no SafeCheckpointHook')
        else:
            path = saver.save_stopped(runner, dict(epoch=runner.epoch, iter=iterations))
            runner.logger.warning(
                f'{words}; saved to {path}: go on with the same command and --resume')
        raise SystemExit(128 + self.signal)
