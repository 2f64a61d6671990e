"""Training loops that resume exactly where a checkpoint was written.

mmengine's loops restart an epoch that was interrupted, load all earlier batches again in a run by
iterations, skip a validation that was due, and seed the samplers before they know the seed of the
checkpoint. Checkpoints are written by :mod:`hourglass.engine.saving`.
"""
from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import wait

import torch
from mmengine.dist import get_rank
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmengine.runner.utils import calc_dynamic_intervals
from torch import nn

from hourglass.engine.agreement import HOOK, LOADER, Agreement, broken_collective
from hourglass.engine.batches import repeatable_loader, seed_generators
from hourglass.engine.bundles import unbundle
from hourglass.errors import CheckpointError, ConfigError, one_line
from hourglass.registry import LOOPS


class ResumableLoop(BaseLoop):
    """The common part of both loops; a loop also has ``_train``, its epochs or iterations."""

    first_iter = 0                      # the iteration that the current epoch began with
    went_on = False                     # from a checkpoint that knows its position in the epoch
    validation_missing = False          # a validation was due when the checkpoint was written
    rank_timeout: float                 # seconds
    agreement: Agreement | None = None  # of the ranks, if there are several
    signal = 0                          # the number of one that this process got
    loading = computing = False         # what this process is at: batches or a collective

    def run(self) -> nn.Module:
        if self.runner.distributed:
            self.agreement = Agreement(self.rank_timeout)
        try:
            self.runner.call_hook('before_train')
            self._train()
            self.runner.call_hook('after_train')
            self._agree(signals=False)
        except Exception as error:
            if self.agreement is not None:
                self._fail(self.agreement, error)
            raise
        finally:
            # mmengine has no hook for this: undo changes to the process however the run ends
            self.runner.call_hook('leave_run')
        return self.runner.model

    def _agree(self, signals: bool = True) -> None:
        """Stop here if a rank got a signal or failed; without several ranks, do nothing.

        A signal waits for the end of an accumulated step, so that the gradients of the ranks are
        still added in the order of an uninterrupted run.
        """
        if self.agreement is None:
            return
        code, rank = self.agreement.reach(self.signal if signals else 0)
        if code >= LOADER or (code and self.runner.optim_wrapper.should_update()):
            self._stop(self.agreement, code, rank)

    def _stop(self, agreement: Agreement, code: int, rank: int) -> None:
        """End this process like all others, which are here, too; save what is whole."""
        why = agreement.reason(rank) if code >= LOADER else signal.Signals(code).name
        self.runner.call_hook('stop_ranks', why=f'rank {rank}: {why}' if not agreement.rank else '',
                              whole=code <= LOADER or (code == HOOK and rank > 0))
        agreement.reach()               # none leaves before the checkpoint is written
        raise SystemExit(1 if code >= LOADER else 128 + code)

    def _fail(self, agreement: Agreement, error: Exception) -> None:
        """End all ranks after an error of this one, or of another that a collective waited for."""
        if broken_collective(error):
            cause, reports = agreement.find_cause(error)
            self.runner.call_hook('stop_ranks', why=cause if reports else '')
            raise SystemExit(1)
        agreement.say(one_line(error))
        if self.computing:              # the others are in a collective, which ends with this rank
            return
        code = getattr(error, 'code', HOOK)
        if self.loading:                # the workers may have got the same signal
            code = (self.runner.optim_wrapper.should_update() and self.signal) or LOADER
        with suppress(RuntimeError):    # unless they have failed, too
            code, rank = agreement.reach(code)
            try:
                self._stop(agreement, code, rank)
            except SystemExit:
                if code < LOADER or rank != agreement.rank:
                    raise

    def position(self, meta: dict) -> dict:
        """Return where a checkpoint with this ``meta`` stands, as :meth:`go_on` takes it."""
        in_epoch, batches = meta['epoch'] == self._epoch, self.dataloader.batch_sampler
        return dict(batches_done=meta['iter'] - self.first_iter if in_epoch else 0,
                    batches_per_epoch=len(self.dataloader), ranks=self.runner.world_size,
                    batch=self.runner.world_size * batches.batch_size, **batches.length())

    def go_on(self, position: dict, path: str) -> None:
        """Continue from the position of a checkpoint; epoch and iteration are set already."""
        self.went_on, self.validation_missing = True, not position['validated']
        self.first_iter = self._iter - position['batches_done']
        if 'samples' in position and (more := self.dataloader.batch_sampler.keep_length(
                position['samples'], position['people'])):
            self.runner.logger.warning(
                f"{path}: the last step of an epoch repeats {more} samples more than with "
                f"{position['ranks']} processes")

    def run_iter(self, number: int, batch: object) -> None:
        """Run the training iteration of a batch; ``number`` is its place in the epoch."""
        self._seed('iteration')
        self.runner.call_hook('before_train_iter', batch_idx=number, data_batch=batch)
        self._agree()
        self.computing = True
        outputs = self.runner.model.train_step(batch, optim_wrapper=self.runner.optim_wrapper)
        self.computing = False
        self.runner.call_hook('after_train_iter', batch_idx=number, data_batch=batch,
                              outputs=outputs)
        self._iter += 1

    def _seed(self, purpose: str) -> None:
        seed_generators(purpose, self._common_seed(), self._iter, get_rank())

    def _common_seed(self) -> int:
        """Return the run's seed, the same on every rank."""
        differing = self.runner._randomness_cfg.get('diff_rank_seed', False)
        return self.runner.seed - (get_rank() if differing else 0)

    def _validate_if_due(self, done: int, last: int) -> None:
        self._decide_current_val_interval()
        if (self.runner.val_loop is not None and done >= self.val_begin
                and (done % self.val_interval == 0 or done == last)):
            self._agree()
            self._seed('validation')
            try:
                self.runner.val_loop.run()
            except RuntimeError:
                self.runner.call_hook('before_loader_error')
                raise
            self.computing = False
            self.runner.call_hook('after_validation')
            self._agree()

    def agree_on_scores(self) -> None:
        """Stop if a rank failed at a batch of the validation, before the metrics' collectives."""
        self.loading = False
        self._agree(signals=False)
        self.computing = True

    def _batches(self, epoch: int, first: int) -> Iterator:
        """Yield the batches of an epoch from number ``first`` on."""
        self.dataloader.batch_sampler.start(self._common_seed(), epoch, first)
        batches = None
        try:
            self.loading = True
            torch._C._error_if_any_worker_fails()       # which torch would now wait for
            batches = iter(self.dataloader)
            for batch in batches:
                self.loading = False
                yield unbundle(batch)
                self.loading = True
                torch._C._error_if_any_worker_fails()
            self.loading = False
        except (RuntimeError, ConnectionError, EOFError) as error:
            # a worker may have got the same signal; between iterations the state is whole
            self.runner.call_hook('before_loader_error')
            if not isinstance(error, RuntimeError):
                # a worker's connections break before its end, which torch then reports
                workers = {worker.sentinel: worker for worker in getattr(batches, '_workers', ())}
                for lost in wait(workers, timeout=5) if workers else ():
                    if hasattr(os, 'waitid'):           # not on Windows, nor on an older macOS
                        os.waitid(os.P_PID, workers[lost].pid, os.WEXITED | os.WNOWAIT)
            raise


@LOOPS.register_module()
class EpochLoop(ResumableLoop, EpochBasedTrainLoop):
    """mmengine's ``EpochBasedTrainLoop``, resumable at any batch, with mmengine's ``kwargs``.

    ``loader_timeout`` is the seconds that data workers have for a batch, 0 for no limit, and
    ``rank_timeout`` those that several ranks wait for each other: more, as a rank may wait for its
    workers. A sampler without an end is a ``ConfigError``.
    """

    def __init__(self, runner: Runner, dataloader: dict, loader_timeout: float = 1800,
                 rank_timeout: float = 2400, **kwargs: object):
        self.rank_timeout = rank_timeout
        super().__init__(runner, repeatable_loader(dataloader, loader_timeout), **kwargs)
        if self.dataloader.batch_sampler.endless:
            raise ConfigError("train_dataloader.sampler.type='InfiniteSampler': an epoch of it "
                              "never ends; take 'DefaultSampler', or count iterations with "
                              "train_cfg.type='hourglass.IterationLoop'")

    @property
    def max_iters(self) -> int:
        """The last iteration, from which the log gets its eta; earlier epochs may have had more."""
        return self.first_iter + (self._max_epochs - self._epoch) * len(self.dataloader)

    def go_on(self, position: dict, path: str) -> None:
        """Continue from the position of a checkpoint, as in :class:`ResumableLoop`.

        Raises ``CheckpointError`` in the middle of an epoch of another length.
        """
        super().go_on(position, path)
        length = len(self.dataloader)
        if position['batches_done'] and position['batches_per_epoch'] != length:
            raise CheckpointError(
                f"{path}: was saved at batch {position['batches_done']} of an epoch of "
                f"{position['batches_per_epoch']} batches, which now has {length}: restore data, "
                'batch size and number of processes, or start anew from its weights (load_from)')

    def run(self) -> nn.Module:
        if not self.went_on:            # anew, or from a checkpoint of mmengine's hook
            self.first_iter = self._iter
        return super().run()

    def _train(self) -> None:
        if self.validation_missing and self._iter == self.first_iter:
            self._validate_if_due(self._epoch, self._max_epochs)
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._validate_if_due(self._epoch, self._max_epochs)

    def run_epoch(self) -> None:
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        done = self._iter - self.first_iter
        for number, batch in enumerate(self._batches(self._epoch, done), done):
            self.run_iter(number, batch)
        self._agree()
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
        self.first_iter = self._iter


@LOOPS.register_module()
class IterationLoop(ResumableLoop, IterBasedTrainLoop):
    """mmengine's ``IterBasedTrainLoop``, which resumes without loading earlier batches.

    The timeouts are those of :class:`EpochLoop`, the other arguments are mmengine's.
    """

    def __init__(self, runner: Runner, dataloader: dict, max_iters: int, val_begin: int = 1,
                 val_interval: int = 1000, dynamic_intervals: list | None = None,
                 loader_timeout: float = 1800, rank_timeout: float = 2400):
        self.rank_timeout = rank_timeout
        # not mmengine's constructor, which starts loading at the first batch
        BaseLoop.__init__(self, runner, repeatable_loader(dataloader, loader_timeout))
        self._max_iters, self._max_epochs = max_iters, 1
        self._iter = self._epoch = 0
        self.val_begin, self.val_interval = val_begin, val_interval
        self.stop_training = False
        self.runner.visualizer.dataset_meta = getattr(self.dataloader.dataset, 'metainfo', None)
        self.dynamic_milestones, self.dynamic_intervals = calc_dynamic_intervals(
            val_interval, dynamic_intervals)

    def _train(self) -> None:
        self.runner.call_hook('before_train_epoch')
        if self.validation_missing:
            self._validate_if_due(self._iter, self._max_iters)
        batches = self._all_batches()
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(self._iter, next(batches))
            self._validate_if_due(self._iter, self._max_iters)
        self.runner.call_hook('after_train_epoch')

    def _all_batches(self) -> Iterator:
        """Yield all batches from the current iteration on, over as many passes as it takes."""
        endless = self.dataloader.batch_sampler.endless
        epoch, first = (0, self._iter) if endless else divmod(self._iter, len(self.dataloader))
        while True:
            yield from self._batches(epoch, first)
            epoch, first = epoch + 1, 0
