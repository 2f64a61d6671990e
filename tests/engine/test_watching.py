"""Losses that are not finite stop a run in time; a silent loader is warned of."""
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmpose.structures import PoseDataSample

from hourglass.engine.watching import FiniteLossHook, LoaderWatchHook, plain
from hourglass.errors import TrainingError


class Line(BaseModel):
    """y = w x, with the loss of two stages."""

    def __init__(self):
        super().__init__()
        self.line = torch.nn.Linear(1, 1)

    def forward(self, inputs, data_samples=None, mode='loss'):
        y = self.line(torch.stack(inputs))
        return dict(loss_stage0=y.square().mean(), loss_stage1=y.abs().mean())


def trained(tmp_path, batches: list) -> tuple:
    """A model after these batches, and how the run ended."""
    torch.manual_seed(0)
    model = Line()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper, work_dir=str(tmp_path), iter=0,
                             epoch=0, seed=5, distributed=False)
    hook = FiniteLossHook()
    hook.before_train(runner)
    for batch in batches:
        hook.before_train_iter(runner, batch_idx=runner.iter, data_batch=batch)
        model.train_step(batch, wrapper)
        runner.iter += 1
    hook.after_train(runner)
    return model, wrapper


def batch_of(value: float) -> dict:
    sample = PoseDataSample(metainfo=dict(img_path='a.jpg', id=4, flip=np.True_))
    return dict(inputs=[torch.tensor([value])], data_samples=[sample])


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_loss_that_is_not_finite_never_reaches_the_weights(tmp_path, value):
    before, _ = trained(tmp_path, [batch_of(1.0)])
    with pytest.raises(TrainingError, match=r'^iteration 2: loss_stage1 (nan|inf), the weights are '
                                            r'finite; no weight was .* first image a\.jpg'):
        trained(tmp_path, [batch_of(1.0), batch_of(value)])
    kept = torch.load(tmp_path / 'nonfinite_iter_2.pt', weights_only=True)
    assert (kept['iteration'], kept['seed'], kept['images'], kept['indices']) == (
        2, 5, ['a.jpg'], [4])
    assert kept['losses'].keys() == {'loss_stage0', 'loss_stage1', 'loss'}
    assert torch.equal(kept['batch']['inputs'][0].nan_to_num(-1),
                       torch.tensor([value]).nan_to_num(-1))
    assert kept['batch']['data_samples'][0]['flip'] is True
    for name, tensor in before.state_dict().items():
        assert torch.equal(kept['state_dict'][name], tensor)


def test_a_gradient_that_is_not_finite_never_reaches_the_weights_of_several_ranks(tmp_path):
    """No rank leaves before its iteration is done, which the others wait for."""
    model, hook = Line(), FiniteLossHook()
    model.line.weight.register_hook(lambda gradient: gradient * float('nan'))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    hook.before_train(SimpleNamespace(model=model, optim_wrapper=wrapper, iter=0, distributed=True))
    hook.before_train_iter(None, batch_idx=0, data_batch=batch_of(1.0))
    model.train_step(batch_of(1.0), wrapper)
    with pytest.raises(TrainingError, match='iteration 1: .* the gradient of line.weight is not'):
        hook.after_train_iter(None, batch_idx=0)
    assert all(map(torch.equal, model.parameters(), before))


def test_broken_weights_are_named(tmp_path, monkeypatch):
    step = OptimWrapper.step

    def spoil(wrapper):
        step(wrapper)
        wrapper.param_groups[0]['params'][0].data.fill_(float('nan'))
    monkeypatch.setattr(OptimWrapper, 'step', spoil)
    with pytest.raises(TrainingError, match="1 weights are not finite, first 'line.weight'"):
        trained(tmp_path, [batch_of(1.0), batch_of(1.0)])


def test_afterwards_the_methods_are_those_of_their_classes(tmp_path):
    model, wrapper = trained(tmp_path, [batch_of(1.0)])
    assert 'parse_losses' not in vars(model)
    assert 'backward' not in vars(wrapper)
    assert not list(tmp_path.iterdir())


def test_plain_data_keeps_numbers_and_names():
    made = plain(dict(a=np.arange(3), b=(1, 'x', None), c=np.float32(2), d=object, e={1: 2}))
    assert torch.equal(made['a'], torch.arange(3))
    assert (made['b'], made['c'], made['d'], made['e']) == (
        [1, 'x', None], 2.0, "<class 'object'>", {'1': 2})


def test_a_silent_loader_is_warned_of_and_a_busy_one_is_not(monkeypatch):
    """Seconds pass at the test's command: a minute of silence is the limit."""
    now, warnings = 0.0, []
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    logger = SimpleNamespace(warning=warnings.append)
    hook = LoaderWatchHook(minutes=1)
    hook.before_train_epoch(None)
    for number in range(10):                    # waits of 590 s together, but none of a minute
        now += 59
        hook.check(logger)
        hook.before_train_iter(None, number)
        hook.after_train_iter(None, number)
    hook.before_train_iter(None, 10)
    now += 90                                   # a slow iteration is not a slow loader
    hook.check(logger)
    assert warnings == []
    hook.after_train_iter(None, 10)
    for _ in range(3):                          # one warning for each minute
        now += 45
        hook.check(logger)
    assert len(warnings) == 1
    assert warnings[0].startswith('train_dataloader: no batch for 1.5 minutes, from this process')
    now += 45
    hook.check(logger)
    assert len(warnings) == 2
    hook.after_train_epoch(None)
    now += 90
    hook.check(logger)                          # between epochs nothing waits
    assert len(warnings) == 2
    runner = SimpleNamespace(val_dataloader=range(3))
    for number, expected in ((1, 3), (2, 3)):   # nor do metrics, after the last batch
        hook.before_val_iter(runner, number)
        hook.after_val_iter(runner, number)
        now += 90
        hook.check(logger)
        assert len(warnings) == expected
    hook.after_val_epoch(runner)
    hook.after_validation(runner)
    now += 90
    hook.check(logger)
    assert warnings[3].startswith('train_dataloader: no batch')


def test_the_watch_runs_beside_the_training_until_its_end():
    warned = threading.Event()
    runner = SimpleNamespace(logger=SimpleNamespace(warning=lambda line: warned.set()))
    hook = LoaderWatchHook(minutes=1e-4)
    hook.before_val_epoch(runner)
    before = threading.active_count()
    hook.before_train(runner)
    assert warned.wait(60)
    (thread,) = [each for each in threading.enumerate() if each._target == hook._watch]
    hook.leave_run(runner)
    thread.join(60)
    assert threading.active_count() == before
