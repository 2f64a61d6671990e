"""Ranks that fail, stop or hang: all stop at the same iteration, and one line says why."""
from __future__ import annotations

import os
import signal
import time
from multiprocessing import active_children

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, LOOPS, MODELS
from mmengine.runner import ValLoop
from pairs import zip_equal
from ranks import Rank, ended, ranks_of
from torch import Tensor, nn
from toy_runs import ToyDataset

from hourglass.checkpoints import read_checkpoint

AT = 5                                  # when it happens: the second iteration of epoch 2
VALIDATION = dict(
    val_evaluator=dict(type='ToyMetric'), val_cfg=dict(),
    val_dataloader=dict(batch_size=2, num_workers=0, dataset=dict(type='ToyDataset'),
                        sampler=dict(type='DefaultSampler', shuffle=False)))


class Twice(ValLoop):
    """Goes through its batches twice, as loops of other packages do with a second network."""

    def run(self) -> dict:
        self.runner.call_hook('before_val_epoch')
        for _ in range(2):
            for number, batch in enumerate(self.dataloader):
                self.run_iter(number, batch)
            metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        return metrics


class Root(torch.autograd.Function):
    """The square root, whose gradient is infinite at zero."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sqrt()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient / (2 * ctx.saved_tensors[0].sqrt())


@MODELS.register_module(force=True)
class BreaksOnCommand(BaseModel):
    """A line, fitted to zero; 'loss' or 'gradient' is not finite once that is commanded."""

    command = ''

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(1, 1)

    def forward(self, inputs, mode: str = 'tensor'):
        if mode == 'predict':
            return [dict(error=1.0) for _ in inputs]
        if self.command == 'forward':
            raise KeyError('a bug')
        y = self.line(torch.stack(inputs)).square().mean()
        if self.command == 'loss':
            return dict(loss=y + float('inf'))          # with a finite gradient
        return dict(loss=y + Root.apply(0 * y) if self.command == 'gradient' else y)


def happens(what: str, rank: int | None):
    """An act that does something to one rank, or to all, at its iteration ``AT``."""
    def act(runner, moment: str) -> None:
        if moment == 'left':
            print('weights finite:', all(p.isfinite().all() for p in runner.model.parameters()))
        if rank not in (runner.rank, None) or runner.iter != (4 if 'validat' in what else AT):
            return
        if moment == 'validated' and what == 'validation':
            raise KeyError('a bug')
        if moment == 'before' and what in ('loss', 'gradient', 'forward'):
            BreaksOnCommand.command = what
        elif moment == 'before' and what == 'hang':
            time.sleep(1000)
        elif moment == 'before' and what == 'SIGKILL':
            os.kill(os.getpid(), signal.SIGKILL)
        elif moment == 'after' and what in ('SIGTERM', 'SIGINT', 'SIGUSR1'):
            os.kill(os.getpid(), getattr(signal, what))
        elif moment == 'after' and what == 'hook':
            raise KeyError('a bug')
        elif moment == 'after' and what == 'worker':
            os.kill(active_children()[0].pid, signal.SIGKILL)
        elif what == f'SIGTERM to all, {moment}':       # as torchrun sends it
            os.kill(os.getpid(), signal.SIGTERM)
            for worker in active_children():
                os.kill(worker.pid, signal.SIGTERM)
                os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        elif what == f'exception, {moment}':
            raise KeyError('a bug')
    return act


def lines(processes: list[Rank]) -> list[str]:
    """The reports of all ranks."""
    return [line.partition('stop_ranks - ')[2].partition(' - ')[2] for process in processes
            for line in process.output.splitlines() if 'stop_ranks' in line]


def broken_run(folder, what: str, rank: int | None, ranks: int, **changes: object
               ) -> tuple[list[int], str, dict | None]:
    """Exit statuses, the one line, and the meta data of the checkpoint, if one was saved."""
    processes = ranks_of(folder, ranks, happens(what, rank), model=dict(type='BreaksOnCommand'),
                         **{'train_dataloader.dataset.length': 8 * ranks, **changes})
    statuses = ended(processes)
    assert all('weights finite: True' in process.output for process, status in zip_equal(
        processes, statuses) if status > 0)
    line, = lines(processes)
    saved = folder / 'work/stopped.pth'
    return statuses, line, read_checkpoint(saved)['meta'] if saved.exists() else None


@pytest.mark.parametrize('ranks', [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize('what', [
    'SIGTERM', *(pytest.param(name, marks=pytest.mark.slow) for name in ('SIGINT', 'SIGUSR1'))])
def test_a_signal_to_one_rank_stops_all_with_a_checkpoint(tmp_path, ranks, what):
    statuses, line, saved = broken_run(tmp_path, what, 1, ranks)
    assert statuses == [128 + getattr(signal, what)] * ranks
    assert line == (f'stopped after iteration 6 by rank 1: {what}; saved to {tmp_path}/work/'
                    'stopped.pth: continue with the same command and --resume')
    assert (saved['epoch'], saved['iter'], saved['position']['batches_done']) == (1, 6, 2)


WORKERS = {'train_dataloader.num_workers': 1, 'train_dataloader.persistent_workers': True,
           'val_dataloader.num_workers': 1}
AVERAGED = dict(custom_hooks=[dict(type='NotesRates'), dict(type='Meddles'),
                              dict(type='EMAHook', momentum=0.5)])


@pytest.mark.slow
@pytest.mark.parametrize('rank', [0, 1, None])
@pytest.mark.parametrize('what', ['after', 'validating', 'validated'])
def test_a_signal_that_ends_data_workers_too_is_still_a_signal(tmp_path, rank, what):
    statuses, line, saved = broken_run(
        tmp_path, f'SIGTERM to all, {what}', rank, 2, **VALIDATION, **WORKERS)
    assert statuses == [143, 143]
    assert f' by rank {rank or 0}: SIGTERM; saved to ' in line
    assert saved['iter'] == (AT + 1 if what == 'after' else 4)
    assert saved['position']['validated'] == (what == 'validated')


@DATASETS.register_module(force=True)
class Ends(ToyDataset):
    """SIGTERM reaches the process and its data worker while the process waits for a batch."""

    def __getitem__(self, index: int) -> dict:
        if index == 6:
            time.sleep(1)               # the batch before is done
            os.kill(os.getppid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


@pytest.mark.slow
def test_so_it_is_in_the_validation_of_one_process(tmp_path):
    process, = ranks_of(tmp_path, 1, **VALIDATION, **AVERAGED, **{
        'val_dataloader.num_workers': 1, 'val_dataloader.dataset.type': 'Ends'})
    assert process.wait() == 143
    stopped, before = (read_checkpoint(tmp_path / f'work/{name}.pth')
                       for name in ('stopped', 'epoch_1'))
    assert not stopped['meta']['position']['validated']
    for key in ('state_dict', 'ema_state_dict'):
        torch.testing.assert_close(stopped[key], before[key], rtol=0, atol=0)


@pytest.mark.slow
def test_a_rank_without_people_to_validate_stops_with_the_others(tmp_path):
    """Also if a loop goes through the validation twice."""
    LOOPS.register_module(module=Twice, force=True)
    few = {'val_dataloader.dataset.length': 1, 'val_dataloader.sampler.round_up': False}
    for number, loop in enumerate((dict(), dict(type='Twice'))):
        changes = VALIDATION | few | dict(val_cfg=loop)
        assert ended(ranks_of(tmp_path, 2, work=f'whole{number}', **changes)) == [0, 0]
    statuses, line, saved = broken_run(tmp_path, 'exception, validating', 0, 2, **VALIDATION, **few)
    assert statuses == [1, 1] and saved['iter'] == 4
    assert "by rank 0: KeyError: 'a bug'; saved to " in line


@pytest.mark.slow
@pytest.mark.parametrize('rank', [0, 1])
def test_a_validation_that_fails_leaves_the_weights_of_the_training(tmp_path, rank):
    """Not the averaged ones, which are validated; the other rank waits with its metrics."""
    statuses, line, saved = broken_run(
        tmp_path, 'exception, validating', rank, 2, **VALIDATION, **WORKERS, **AVERAGED)
    assert statuses == [1, 1]
    assert f"by rank {rank}: KeyError: 'a bug'; saved to " in line
    assert not saved['position']['validated']
    stopped, before = (read_checkpoint(tmp_path / f'work/{name}.pth')
                       for name in ('stopped', 'epoch_1'))
    for key in ('state_dict', 'ema_state_dict'):
        torch.testing.assert_close(stopped[key], before[key], rtol=0, atol=0)
    assert not torch.equal(stopped['state_dict']['line.weight'],
                           stopped['ema_state_dict']['module.line.weight'])


@pytest.mark.slow
@pytest.mark.parametrize('ranks', [2, 3])
@pytest.mark.parametrize('rank', [0, 1])
@pytest.mark.parametrize('what', ['loss', 'gradient'])
@pytest.mark.parametrize('accumulated', [1, 2])
def test_numbers_that_are_not_finite_on_one_rank_reach_the_weights_of_none(
        tmp_path, ranks, rank, what, accumulated):
    statuses, line, saved = broken_run(tmp_path, what, rank, ranks, **{
        'optim_wrapper.accumulative_counts': accumulated})
    assert statuses == [1] * ranks and saved is None
    assert line.startswith(f'stopped after iteration {AT}')
    assert f' by rank {rank}: iteration {AT + 1}: ' in line
    assert ('loss inf' if what == 'loss' else 'the gradient of line.weight is not') in line


@pytest.mark.slow
@pytest.mark.parametrize('ranks', [2, 3])
@pytest.mark.parametrize('rank', [0, 1])
def test_an_exception_in_a_hook_of_one_rank_ends_all(tmp_path, ranks, rank):
    """The hooks of the first rank, which saves, have done all of their work if it is another's."""
    statuses, line, saved = broken_run(tmp_path, 'hook', rank, ranks)
    assert statuses == [1] * ranks
    assert f"by rank {rank}: KeyError: 'a bug'; " in line
    assert (saved and saved['iter']) == (AT + 1 if rank else None)


@pytest.mark.slow
@pytest.mark.parametrize('ranks', [2, 3])
@pytest.mark.parametrize('rank', [0, 1])
@pytest.mark.parametrize('what', ['forward', 'validation'])
def test_an_exception_where_the_others_wait_ends_all_without_a_checkpoint(
        tmp_path, ranks, rank, what):
    statuses, line, saved = broken_run(tmp_path, what, rank, ranks, **VALIDATION)
    assert statuses == [1] * ranks and saved is None
    assert f"by rank {rank}: KeyError: 'a bug'; " in line


@pytest.mark.slow
@pytest.mark.parametrize('rank', [0, 1])
def test_a_lost_data_worker_of_one_rank_ends_all_with_a_checkpoint(tmp_path, rank):
    statuses, line, saved = broken_run(tmp_path, 'worker', rank, 2, **{
        'train_dataloader.num_workers': 1})
    assert statuses == [1, 1]
    assert line.startswith(f'stopped after iteration {AT + 1} by rank {rank}: RuntimeError: DataL')
    assert saved['iter'] == AT + 1


@pytest.mark.slow
@pytest.mark.parametrize('ranks', [2, 3])
@pytest.mark.parametrize('rank', [0, 1])
def test_a_killed_rank_is_named_by_the_others(tmp_path, ranks, rank):
    statuses, line, saved = broken_run(tmp_path, 'SIGKILL', rank, ranks)
    assert statuses == [-9 if each == rank else 1 for each in range(ranks)] and saved is None
    assert f'by rank {rank}: no answer; killed, out of memory, or hanging; ' in line


@pytest.mark.slow
def test_a_hanging_rank_is_named_after_the_timeout(tmp_path):
    changes = {'train_cfg': dict(type='hourglass.EpochLoop', max_epochs=3, rank_timeout=2)}
    first, hanging, third = processes = ranks_of(
        tmp_path, 3, happens('hang', 1), model=dict(type='BreaksOnCommand'), **changes)
    assert [first.wait(), third.wait()] == [1, 1]
    hanging.kill()              # as a launcher does
    line, = lines(processes)
    assert f'stopped after iteration {AT} by rank 1: no answer' in line
