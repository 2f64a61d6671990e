"""Training loops that go on exactly where a checkpoint was written.

mmengine's loops restart an epoch that was cut, load all batches of an iteration-based run again to
get past them, skip the validation that was due when a run was cut, and keep the samplers' seed from
before the checkpoint's was known.
"""
import re
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.dist import get_rank
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from mmengine.runner.base_loop import BaseLoop
from mmengine.runner.utils import calc_dynamic_intervals

from hourglass.engine.batches import repeatable_loader, seed_generators
from hourglass.errors import CheckpointError, TrainingError
from hourglass.registry import LOOPS


class ResumableLoop:
    """What both loops share.

    Attributes:
        first_iter: number of the iteration that the current epoch began with.
        validation_missing: the checkpoint was written where a validation was due, before it.
    """

    first_iter = 0
    validation_missing = False

    def position(self, meta: dict) -> dict:
        """Where a checkpoint with this ``meta`` stands, as plain numbers for :meth:`go_on`."""
        in_epoch = meta['epoch'] == self._epoch
        return dict(batches_done=meta['iter'] - self.first_iter if in_epoch else 0,
                    batches_per_epoch=len(self.dataloader))

    def go_on(self, position: dict, path: str) -> None:
        """Take up the position of a checkpoint; called once epoch and iteration are known.

        Raises:
            CheckpointError: if the checkpoint stands inside an epoch of another length.
        """
        self.validation_missing = not position['validated']
        self.first_iter = self._iter - position['batches_done']
        length = len(self.dataloader)
        if position['batches_done'] and position['batches_per_epoch'] != length:
            raise CheckpointError(
                f"{path}: stands at batch {position['batches_done']} of an epoch of "
                f"{position['batches_per_epoch']} batches, which now has {length}: set data, batch "
                'size and number of processes back, or start anew from its weights (load_from)')

    def run_iter(self, *args) -> None:
        self._seed('iteration')
        super().run_iter(*args)

    def _seed(self, purpose: str) -> None:
        """Seed this process for what follows, whatever it drew before."""
        seed_generators(purpose, self._common_seed(), self._iter, get_rank())

    def _common_seed(self) -> int:
        """The run's seed, the same on every rank."""
        differing = self.runner._randomness_cfg.get('diff_rank_seed', False)
        return self.runner.seed - (get_rank() if differing else 0)

    def _validate_if_due(self, done: int, last: int) -> None:
        self._decide_current_val_interval()
        if (self.runner.val_loop is not None and done >= self.val_begin
                and (done % self.val_interval == 0 or done == last)):
            self._seed('validation')
            self.runner.val_loop.run()

    def _batches(self, epoch: int, first: int) -> Iterator:
        """The loaded batches of an epoch from number ``first`` on."""
        self.dataloader.batch_sampler.start(self._common_seed(), epoch, first)
        batches = iter(self.dataloader)
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except RuntimeError:
                # a worker that got the signal to stop, too: all is whole between two iterations
                self.runner.call_hook('before_loader_error')
                raise
            yield batch

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Say in one line what torch says of a lost or silent data worker, and have hooks undo what
        they did to the process, however the run ends (``leave_run``, which mmengine lacks)."""
        try:
            yield
        except RuntimeError as error:
            text = ' '.join(str(error).split())
            if not re.match(r'DataLoader (worker \(pid|timed out)', text):
                raise
            raise TrainingError(
                f"{text.rstrip('. ')}: a data worker was lost or hangs (memory? a slow disk?); try "
                'fewer train_dataloader.num_workers. What was saved is whole: go on with --resume'
            ) from None
        finally:
            self.runner.call_hook('leave_run')


@LOOPS.register_module()
class EpochLoop(ResumableLoop, EpochBasedTrainLoop):
    """mmengine's ``EpochBasedTrainLoop``, resumable at any batch.

    Args:
        loader_timeout: seconds after which a batch that data workers do not deliver ends the run; 0
            for never.
        kwargs: ``max_epochs``, ``val_interval``... as for mmengine's.
    """

    def __init__(self, runner, dataloader: dict, loader_timeout: float = 1800, **kwargs):
        super().__init__(runner, repeatable_loader(dataloader, loader_timeout), **kwargs)

    def run(self):
        with self._running():
            self.runner.call_hook('before_train')
            if self.validation_missing and self._iter == self.first_iter:
                self._validate_if_due(self._epoch, self._max_epochs)
            while self._epoch < self._max_epochs and not self.stop_training:
                self.run_epoch()
                self._validate_if_due(self._epoch, self._max_epochs)
            self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        done = self._iter - self.first_iter
        for number, batch in enumerate(self._batches(self._epoch, done), done):
            self.run_iter(number, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
        self.first_iter = self._iter


@LOOPS.register_module()
class IterationLoop(ResumableLoop, IterBasedTrainLoop):
    """mmengine's ``IterBasedTrainLoop``, which resumes without loading what was trained on.

    Args:
        loader_timeout: as for :class:`EpochLoop`.
        max_iters, val_begin, val_interval, dynamic_intervals: as for mmengine's.
    """

    def __init__(self, runner, dataloader: dict, max_iters: int, val_begin: int = 1,
                 val_interval: int = 1000, dynamic_intervals: list | None = None,
                 loader_timeout: float = 1800):
        # not mmengine's constructor, which starts loading at the first batch
        BaseLoop.__init__(self, runner, repeatable_loader(dataloader, loader_timeout))
        self._max_iters, self._max_epochs = max_iters, 1
        self._iter = self._epoch = 0
        self.val_begin, self.val_interval = val_begin, val_interval
        self.stop_training = False
        self.runner.visualizer.dataset_meta = getattr(self.dataloader.dataset, 'metainfo', None)
        self.dynamic_milestones, self.dynamic_intervals = calc_dynamic_intervals(
            val_interval, dynamic_intervals)

    def run(self):
        with self._running():
            self.runner.call_hook('before_train')
            self.runner.call_hook('before_train_epoch')
            if self.validation_missing:
                self._validate_if_due(self._iter, self._max_iters)
            batches = self._all_batches()
            while self._iter < self._max_iters and not self.stop_training:
                self.runner.model.train()
                self.run_iter(next(batches))
                self._validate_if_due(self._iter, self._max_iters)
            self.runner.call_hook('after_train_epoch')
            self.runner.call_hook('after_train')
        return self.runner.model

    def _all_batches(self) -> Iterator:
        """All batches from the current iteration on, whatever number of passes they take."""
        endless = self.dataloader.batch_sampler.endless
        epoch, first = (0, self._iter) if endless else divmod(self._iter, len(self.dataloader))
        while True:
            yield from self._batches(epoch, first)
            epoch, first = epoch + 1, 0
