"""Positions of checkpoints, and the batches and seeds that follow from them."""
import random
from types import SimpleNamespace

import pytest

from hourglass.engine.loops import EpochLoop, IterationLoop
from hourglass.errors import CheckpointError


def loop_of(kind: type, length: int = 5, endless: bool = False, **attributes):
    """A loop at some iteration, over batches that are their epoch and number."""
    class Loader(list):
        def start(self, seed: int, epoch: int, first: int) -> None:
            self[:] = [(epoch, number) for number in range(first, length)]

        def __len__(self) -> int:
            return length
    loader = Loader()
    loader.batch_sampler = SimpleNamespace(
        start=loader.start, endless=endless, batch_size=2, length=dict)
    loop = object.__new__(kind)
    hooks: list[str] = []
    runner = SimpleNamespace(
        seed=3, distributed=False, world_size=3, _randomness_cfg={}, val_loop=None, hooks=hooks,
        model=SimpleNamespace(train=lambda: None),
        call_hook=lambda name, **more: hooks.append(name))
    vars(loop).update(_runner=runner, dataloader=loader, val_begin=1, val_interval=2,
                      dynamic_milestones=[0], dynamic_intervals=[2],
                      stop_training=False, **attributes)
    return loop


def test_a_position_is_taken_up_where_it_was():
    loop = loop_of(EpochLoop, _epoch=2, _iter=13, first_iter=10)
    position = loop.position(dict(epoch=2, iter=13))
    assert position == dict(batches_done=3, batches_per_epoch=5, ranks=3, batch=6)
    assert loop.position(dict(epoch=3, iter=15))['batches_done'] == 0       # at an epoch's end
    again = loop_of(EpochLoop, _epoch=2, _iter=13)
    again.go_on(position | dict(validated=True), 'a.pth')
    assert (again.first_iter, again.validation_missing) == (10, False)
    assert list(again._batches(2, 13 - again.first_iter)) == [(2, 3), (2, 4)]


def test_an_epoch_of_another_length_is_resumed_at_its_end_alone():
    loop = loop_of(EpochLoop, length=4, _epoch=2, _iter=13)
    at = dict(batches_per_epoch=5, validated=True)
    with pytest.raises(CheckpointError, match=r'a\.pth: was saved at batch 3 of an epoch of 5 '
                                              r'batches, which now has 4: restore data'):
        loop.go_on(dict(batches_done=3, **at), 'a.pth')
    loop.go_on(dict(batches_done=0, **at), 'a.pth')
    assert loop.first_iter == 13


@pytest.mark.parametrize(('endless', 'expected'), [
    (False, [(1, 3), (1, 4), (2, 0)]), (True, [(0, 8), (0, 9), (0, 10)])])
def test_iterations_go_through_the_epochs_or_one_endless_epoch(endless, expected):
    loop = loop_of(IterationLoop, length=20 if endless else 5, endless=endless, _iter=8, _epoch=0)
    batches = loop._all_batches()
    assert [next(batches) for _ in range(3)] == expected


def test_the_seed_of_an_iteration_depends_on_nothing_before_it():
    def numbers(iteration: int, seed: int = 3) -> float:
        loop = loop_of(EpochLoop, _iter=iteration)
        loop.runner.seed = seed
        loop._seed('iteration')
        return random.random()
    first = numbers(7)
    assert len({first, numbers(8), numbers(7, seed=4)}) == 3
    assert numbers(7) == first


@pytest.mark.parametrize('error', [None, KeyError('a bug')])
def test_leave_run_is_called_however_a_run_ends(error):
    loop = loop_of(EpochLoop, _iter=0)

    def train():
        if error:
            raise error
    loop._train = train
    if error:
        with pytest.raises(KeyError):
            loop.run()
        assert loop.runner.hooks == ['before_train', 'leave_run']
    else:
        loop.run()
        assert loop.runner.hooks == ['before_train', 'after_train', 'leave_run']


def test_validations_are_due_at_their_interval_and_at_the_end():
    done = []
    loop = loop_of(EpochLoop, _iter=0, _epoch=0)
    loop.runner.val_loop = SimpleNamespace(run=lambda: done.append(epoch))
    for epoch in range(1, 6):
        loop._validate_if_due(epoch, last=5)
    assert done == [2, 4, 5]


@pytest.mark.parametrize(('iteration', 'validations'), [(10, 1), (13, 0)])
def test_a_missing_validation_comes_before_an_epoch_and_not_in_its_middle(iteration, validations):
    done = []
    loop = loop_of(EpochLoop, _epoch=2, _iter=iteration, first_iter=10, _max_epochs=2,
                   validation_missing=True)
    loop.runner.val_loop = SimpleNamespace(run=lambda: done.append(loop._iter))
    loop._train()
    assert len(done) == validations


@pytest.mark.parametrize('error', [RuntimeError('worker'), ConnectionResetError(), EOFError()])
def test_a_lost_worker_first_lets_a_stopped_run_save(error):
    loop = loop_of(EpochLoop)

    def batches():
        yield 'batch'
        raise error
    class Loader(list):
        batch_sampler = loop.dataloader.batch_sampler

        def __iter__(self):
            return batches()
    loop.dataloader = Loader()
    with pytest.raises(type(error)):
        list(loop._batches(0, 0))
    assert loop.runner.hooks == ['before_loader_error']
