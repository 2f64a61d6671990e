"""A signal ends a run after its iteration, with a checkpoint, and gives the handlers back."""
import os
import signal
from types import SimpleNamespace

import pytest
from mmengine.hooks import EMAHook

from hourglass.engine.saving import SafeCheckpointHook
from hourglass.engine.stopping import SIGNALS, StopHook


class Saver(SafeCheckpointHook):
    """Records what it should save."""

    def save(self, runner, name: str, meta: dict) -> str:
        runner.saved.append((name, meta))
        return f'work/{name}'


class Average(EMAHook):
    """Counts how often the averaged weights are swapped."""

    def __init__(self):
        self.swaps = 0

    def _swap_ema_parameters(self) -> None:
        self.swaps += 1


@pytest.fixture
def runner() -> SimpleNamespace:
    lines: list[str] = []
    return SimpleNamespace(
        hooks=[Saver(), Average()], saved=[], epoch=1, iter=7, lines=lines,
        train_loop=SimpleNamespace(),
        logger=SimpleNamespace(warning=lines.append))


@pytest.fixture
def hook(runner):
    """The hook of a run; the handlers from before must be there afterwards."""
    before = [signal.getsignal(number) for number in SIGNALS]
    hook = StopHook()
    hook.before_train(runner)
    yield hook
    hook.leave_run(runner)
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_without_a_signal_the_run_goes_on(runner, hook):
    hook.after_train_iter(runner, batch_idx=0)
    hook.after_val_iter(runner, batch_idx=0)
    hook.after_validation(runner)
    hook.before_loader_error(runner)
    assert runner.saved == []


@pytest.mark.parametrize('number', SIGNALS)
def test_a_signal_saves_after_the_iteration(runner, hook, number, capfd):
    os.kill(os.getpid(), number)
    assert f'{number.name}: saving a checkpoint after this iteration' in capfd.readouterr().err
    with pytest.raises(SystemExit, match=f'^{128 + number}$'):
        hook.after_train_iter(runner, batch_idx=0)
    assert runner.saved == [('stopped.pth', dict(epoch=1, iter=8))]     # this one is done, too
    assert runner.lines == [f'stopped by {number.name} after iteration 8; saved to '
                            'work/stopped.pth: continue with the same command and --resume']


def test_windows_which_has_no_signal_of_ended_children_saves_too(runner, hook, monkeypatch):
    monkeypatch.delattr(signal, 'SIGCHLD')
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(SystemExit, match='^130$'):
        hook.after_train_iter(runner, batch_idx=0)
    assert runner.saved


def test_a_second_signal_would_kill_at_once(hook):
    os.kill(os.getpid(), signal.SIGTERM)
    assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_DFL] * 3


def test_a_validation_is_left_with_the_weights_of_training(runner, hook):
    hook.before_val_epoch(runner)
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit, match='^143$'):
        hook.after_val_iter(runner, batch_idx=0)
    assert runner.saved == [('stopped.pth', dict(epoch=1, iter=7))]
    assert runner.hooks[1].swaps == 1


def test_without_a_hook_that_saves_this_is_said(runner, hook):
    runner.hooks.clear()
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit, match='^143$'):
        hook.before_loader_error(runner)
    assert 'after iteration 7; nothing saved' in runner.lines[0]


@pytest.mark.parametrize('validated', [False, True])
def test_weights_are_swapped_in_a_validation_alone(runner, hook, validated):
    if validated:
        hook.before_val_epoch(runner)
        hook.after_val_epoch(runner, {})
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit, match='^143$'):
        hook.after_train_iter(runner, batch_idx=0)
    assert runner.hooks[1].swaps == 0


def test_a_signal_to_a_data_worker_is_none_of_the_runs(runner, hook, capfd):
    hook.process = -1                           # the handler is inherited by a fork
    os.kill(os.getpid(), signal.SIGTERM)
    hook.after_train_iter(runner, batch_idx=0)
    assert runner.saved == [] and capfd.readouterr().err == ''
