"""Losses that are no numbers stop a run in time; a silent loader is told of."""
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
        hook.before_train_iter(runner, runner.iter, batch)
        model.train_step(batch, wrapper)
        runner.iter += 1
    hook.after_train(runner)
    return model, wrapper


def batch_of(value: float) -> dict:
    sample = PoseDataSample(metainfo=dict(img_path='a.jpg', id=4, flip=np.True_))
    return dict(inputs=[torch.tensor([value])], data_samples=[sample])


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_loss_that_is_no_number_never_reaches_the_weights(tmp_path, value):
    before, _ = trained(tmp_path, [batch_of(1.0)])
    with pytest.raises(TrainingError, match=r'^iteration 2: loss_stage1 (nan|inf), the weights are '
                                            r'finite; nothing was .* first image a\.jpg'):
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


def test_broken_weights_are_named(tmp_path, monkeypatch):
    step = OptimWrapper.step

    def spoil(wrapper):
        step(wrapper)
        wrapper.param_groups[0]['params'][0].data.fill_(float('nan'))
    monkeypatch.setattr(OptimWrapper, 'step', spoil)
    with pytest.raises(TrainingError, match="1 weights are no numbers, first 'line.weight'"):
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


def test_a_silent_loader_is_told_of_and_a_busy_one_is_not():
    told = []
    runner = SimpleNamespace(logger=SimpleNamespace(warning=told.append))
    hook = LoaderWatchHook(minutes=1 / 60)
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    for number in range(10):                    # waits of 1.2 s together, but none of a second
        time.sleep(0.12)
        hook.before_train_iter(runner, number)
        hook.after_train_iter(runner, number)
    hook.before_train_iter(runner, 10)
    time.sleep(1.2)                             # a slow iteration is no slow loader
    assert told == []
    hook.after_train_iter(runner, 10)
    time.sleep(1.3)
    hook.after_train_epoch(runner)
    count = len(told)
    assert count >= 1
    assert told[0].startswith('train_dataloader: no batch for 0.0')
    time.sleep(1.3)
    assert len(told) == count                   # between epochs nobody waits
    hook.after_train(runner)
