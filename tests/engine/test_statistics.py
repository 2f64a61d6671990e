"""Running statistics that do not represent the batches cause a warning, sound ones do not."""
from contextlib import nullcontext
from copy import deepcopy
from functools import cache
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from hourglass.engine.statistics import BatchNormHook, compare_statistics


class Normed(BaseModel):
    """Two normalised convolutions that learn to double what comes in."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Conv2d(8, 1, 1))

    def forward(self, inputs, data_samples=None, mode='loss'):
        images = torch.stack(inputs)
        return dict(loss=nn.functional.mse_loss(self.layers(images), 2 * images))


def batch(size: int) -> dict:
    return dict(inputs=list(torch.randn(size, 1, 8, 8)))


@cache
def _trained(size: int, steps: int) -> Normed:
    torch.manual_seed(0)
    model = Normed()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(steps):
        loss = model(**batch(size))['loss']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def trained(size: int, steps: int) -> Normed:
    return deepcopy(_trained(size, steps))


def warnings(model: Normed, size: int, iterations: int = 300) -> list[str]:
    logged = []
    runner = SimpleNamespace(
        model=model, iter=iterations, logger=SimpleNamespace(warning=logged.append),
        optim_wrapper=SimpleNamespace(optim_context=lambda model: nullcontext()))
    hook = BatchNormHook()
    hook.before_val_epoch(runner)                       # nothing was trained: nothing to check
    hook.after_train_iter(runner, batch_idx=0, data_batch=batch(size))
    hook.before_val_epoch(runner)
    return logged


@pytest.mark.parametrize('size', [2, 16])
@pytest.mark.parametrize('steps', [50, 150])
def test_a_sound_network_causes_no_warning_early_or_late_with_small_or_large_batches(size, steps):
    model = trained(size, steps)
    own, running, _, rms = compare_statistics(model, batch(size))
    assert running < 1.5 * own
    assert 0.7 < rms < 1.4
    assert warnings(model, size) == []


@pytest.mark.parametrize('variance', [1e-4, 1e4, float('nan')])
def test_collapsed_statistics_are_reported_with_their_layer(variance):
    model = trained(16, 150)
    model.layers[4].running_var.fill_(variance)
    logged = warnings(model, 16)
    assert len(logged) == 1
    assert "furthest off is 'layers.4'" in logged[0]
    assert warnings(model, 16, iterations=20) == []     # too early


def test_statistics_of_batches_that_are_all_alike_are_reported():
    """Averages of batches of a hundredth of the spread, as when a loader repeats one image."""
    model = trained(16, 150)
    with torch.no_grad():
        for _ in range(60):
            model.layers(torch.randn(16, 1, 8, 8) / 100)
    assert len(warnings(model, 16)) == 1


def test_a_frozen_layer_uses_its_running_statistics_both_times():
    class Frozen(Normed):
        def train(self, mode: bool = True) -> nn.Module:
            super().train(mode)
            self.layers[4].eval()
            return self
    model = Frozen()
    model.load_state_dict(trained(16, 150).state_dict())
    model.layers[4].running_var.fill_(1e-4)
    own, running, layer, _ = compare_statistics(model, batch(16))
    assert layer == 'layers.1'
    assert own == pytest.approx(running, rel=0.5)


def test_the_comparison_leaves_modes_and_statistics_as_they_were():
    model = trained(4, 5).train()
    model.layers[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    compare_statistics(model, batch(4))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert [module.training for module in model.layers] == [i != 1 for i in range(6)]
