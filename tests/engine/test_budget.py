"""Runs of a number of minutes end in time, whatever a step takes, and so do resumed ones."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper

from hourglass.engine import budget
from hourglass.engine.budget import TimeBudgetHook, train_for
from hourglass.engine.loops import EpochLoop, IterationLoop
from hourglass.errors import ConfigError


class Slot:
    """A run on a machine whose clock goes on by ``step`` seconds an iteration."""

    def __init__(self, monkeypatch, step: float):
        self.now, self.step = 100.0, step
        monkeypatch.setattr(budget.time, 'monotonic', lambda: self.now)
        self.loop = IterationLoop.__new__(IterationLoop)
        self.loop._iter, self.loop._max_iters = 0, 10**6
        weight = torch.nn.Parameter(torch.zeros(1))
        self.runner = SimpleNamespace(
            train_loop=self.loop, iter=0, message_hub=MessageHub('budget'),
            optim_wrapper=OptimWrapper(torch.optim.SGD([weight], lr=0.5)))
        self.rates: list[float] = []

    def train(self, hook: TimeBudgetHook, at_most: int = 10**6) -> int:
        """Train until the loop ends or for some iterations; return how many there are now."""
        hook.before_train(self.runner)
        while self.runner.iter < min(self.loop._max_iters, at_most):
            hook.before_train_iter(self.runner, batch_idx=self.runner.iter)
            self.rates.append(self.runner.optim_wrapper.param_groups[0]['lr'])
            self.now += self.step
            hook.after_train_iter(self.runner, batch_idx=self.runner.iter)
            self.runner.iter += 1
        return self.runner.iter


@pytest.mark.parametrize(('step', 'iterations'), [(0.5, 240), (2, 60), (7, 18), (1000, 1)])
def test_it_ends_when_the_time_is_over(monkeypatch, step, iterations):
    assert Slot(monkeypatch, step).train(TimeBudgetHook(minutes=2)) == iterations


def test_the_learning_rate_rises_and_ends_at_zero(monkeypatch):
    slot = Slot(monkeypatch, step=1)
    slot.train(TimeBudgetHook(minutes=10, warmup=30))
    highest = max(slot.rates)
    assert slot.rates.index(highest) == 29
    assert highest == pytest.approx(0.5, rel=0.01)
    assert slot.rates[0] == pytest.approx(0.5 / 30)
    assert slot.rates[300] == pytest.approx(0.25)           # halfway of the cosine
    assert 0 < slot.rates[-1] < 1e-5
    assert slot.rates[29:] == sorted(slot.rates[29:], reverse=True)


def test_the_rate_of_a_few_iterations_rises_within_a_tenth_of_the_time(monkeypatch):
    slot = Slot(monkeypatch, step=5)
    slot.train(TimeBudgetHook(minutes=2))
    assert len(slot.rates) == 24 and slot.rates.index(max(slot.rates)) == 3
    assert max(slot.rates) == pytest.approx(0.5, rel=0.05)


def test_a_resumed_run_has_the_time_that_is_left(monkeypatch):
    slot = Slot(monkeypatch, step=1)
    slot.train(TimeBudgetHook(minutes=1), at_most=20)
    slot.now += 5000                                        # it lay idle
    assert slot.train(TimeBudgetHook(minutes=1)) == 60
    assert slot.rates[20] == pytest.approx(slot.rates[19], rel=0.1)


def test_a_finished_run_that_is_resumed_trains_nothing(monkeypatch):
    slot = Slot(monkeypatch, step=7)
    assert slot.train(TimeBudgetHook(minutes=1)) == 9
    slot.loop._max_iters = 10**6                            # as its config has it
    assert slot.train(TimeBudgetHook(minutes=1)) == 9
    slot.loop._max_iters = 10**6
    assert slot.train(TimeBudgetHook(minutes=2)) == 18      # goes on with more time


def test_the_remaining_iterations_are_estimated_from_the_first_on(monkeypatch):
    slot = Slot(monkeypatch, step=3)
    slot.train(TimeBudgetHook(minutes=1), at_most=1)
    assert slot.loop._max_iters == 20


def test_a_loop_of_epochs_is_refused(monkeypatch):
    slot = Slot(monkeypatch, step=1)
    slot.runner.train_loop = EpochLoop.__new__(EpochLoop)
    with pytest.raises(ConfigError, match='IterationLoop'):
        TimeBudgetHook(minutes=1).before_train(slot.runner)


def config(**sampler) -> Config:
    return Config(dict(
        train_cfg=dict(type='hourglass.EpochLoop', max_epochs=3),
        train_dataloader=dict(sampler=sampler), param_scheduler=[dict(type='LinearLR')],
        default_hooks=dict(checkpoint=dict(save_best='flic/Wrist'), logger=dict()),
        log_processor=dict(by_epoch=True)))


def test_a_config_of_epochs_becomes_one_of_minutes():
    cfg = config(type='DefaultSampler', shuffle=True, round_up=False)
    train_for(cfg, 3)
    assert cfg.train_cfg.type == 'hourglass.IterationLoop'
    assert cfg.train_dataloader.sampler == dict(type='InfiniteSampler', shuffle=True)
    assert cfg.param_scheduler == []
    assert cfg.default_hooks.budget == dict(type='hourglass.TimeBudgetHook', minutes=3)
    assert cfg.default_hooks.checkpoint == dict(by_epoch=False, interval=500)


def test_the_timeouts_of_the_config_stay():
    cfg = config(type='DefaultSampler')
    cfg.train_cfg.update(loader_timeout=60, rank_timeout=90, val_begin=2)
    train_for(cfg, 3)
    assert (cfg.train_cfg.loader_timeout, cfg.train_cfg.rank_timeout) == (60, 90)
    assert 'val_begin' not in cfg.train_cfg


@pytest.mark.parametrize('minutes', [0, -1, float('nan'), float('inf')])
def test_no_time_is_refused(minutes):
    with pytest.raises(ConfigError, match='--minutes'):
        train_for(config(type='DefaultSampler'), minutes)


def test_without_checkpoints_it_is_refused():
    with pytest.raises(ConfigError, match='--minutes: nothing would be saved; set default_hooks.'):
        train_for(Config(dict(default_hooks=dict(checkpoint=None))), 5)


def test_a_sampler_that_needs_epochs_is_refused():
    with pytest.raises(ConfigError, match='MultiSourceSampler'):
        train_for(config(type='MultiSourceSampler'), 3)
