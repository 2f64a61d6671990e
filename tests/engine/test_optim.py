"""bfloat16 for convolutions, float32 elsewhere; learning rates that fit the batch."""
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from hourglass.engine.optim import scale_learning_rate
from hourglass.errors import ConfigError


def test_convolutions_run_in_bfloat16_and_weights_stay_float32():
    network = nn.Conv2d(3, 4, 3)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    wrapper = OPTIM_WRAPPERS.build(
        dict(type='hourglass.BFloat16OptimWrapper', optimizer=optimizer))
    before = network.weight.detach().clone()
    with wrapper.optim_context(network):
        output = network(torch.rand(1, 3, 8, 8))
        loss = nn.functional.mse_loss(output, torch.ones_like(output))
    assert (output.dtype, loss.dtype) == (torch.bfloat16, torch.float32)
    wrapper.update_params(loss)
    assert network.weight.dtype == torch.float32
    assert not torch.equal(network.weight, before)
    assert network(torch.rand(1, 3, 8, 8)).dtype == torch.float32          # outside it


@pytest.mark.parametrize(('optimizer', 'fused'), [
    (dict(type='AdamW'), torch.__version__ >= '2.4'),       # the first with one for the CPU
    (dict(type='AdamW', fused=False), False), (dict(type='AdamW', foreach=True), False),
    (dict(type='RMSprop'), False)], ids=str)
def test_a_step_is_fused_where_optimiser_and_device_can(optimizer, fused):
    network = nn.Linear(2, 2)
    wrapper = build_optim_wrapper(network, dict(
        constructor='hourglass.FusedOptimizerConstructor', optimizer=dict(optimizer, lr=0.1)))
    assert bool(wrapper.optimizer.defaults.get('fused')) == fused
    before = network.weight.detach().clone()
    wrapper.update_params(network(torch.ones(1, 2)).sum())
    assert not torch.equal(network.weight, before)


def scaled(**changes) -> Config:
    cfg = Config(dict(
        optim_wrapper=dict(optimizer=dict(lr=1e-3), accumulative_counts=4),
        train_dataloader=dict(batch_size=6), auto_scale_lr=dict(base_batch_size=12, enable=True))
        | changes)
    scale_learning_rate(cfg, ranks=2)
    assert not cfg.auto_scale_lr.enable             # mmengine would scale it again
    return cfg


def test_the_learning_rate_grows_with_the_images_of_a_step():
    plain = scaled(optim_wrapper=dict(optimizer=dict(lr=1e-3)))
    assert plain.optim_wrapper.optimizer.lr == pytest.approx(1e-3)
    assert scaled().optim_wrapper.optimizer.lr == pytest.approx(1e-3 * 2 * 6 * 4 / 12)


@pytest.mark.parametrize('several', [False, True])
def test_the_highest_rate_of_one_cycle_grows_with_it(several):
    cycle = dict(type='OneCycleLR', eta_max=0.01)
    cfg = scaled(param_scheduler=[cycle, dict(type='LinearLR')] if several else cycle)
    schedule = cfg.param_scheduler[0] if several else cfg.param_scheduler
    assert schedule.eta_max == pytest.approx(0.01 * 2 * 6 * 4 / 12)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(auto_scale_lr=dict(enable=True)), r'no auto_scale_lr\.base_batch_size'),
    (dict(optim_wrapper=dict(optimizer=dict(type='Prodigy'))), 'has no lr to scale')])
def test_a_config_that_does_not_say_what_to_scale_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        scaled(**changes)
