"""The plan says what is trained, with the rates that the run then has."""
import pytest
from toy_runs import rates as measured
from toy_runs import toy_config, train

from hourglass.engine.plan import describe
from hourglass.engine.plan import rates as planned

WARM_UP = {'param_scheduler': [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=3),
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, eta_min_ratio=0.01)]}
ITERATIONS = {
    'param_scheduler': [dict(type='MultiStepLR', milestones=[3, 7], by_epoch=False)],
    'train_cfg': dict(type='hourglass.IterationLoop', max_iters=10, val_interval=5)}


@pytest.mark.parametrize('changes', [
    {}, WARM_UP, ITERATIONS, {'param_scheduler': [dict(type='MultiStepLR', milestones=[1, 2])]},
    {'param_scheduler': None}])
def test_planned_rates_are_those_of_the_run(tmp_path, changes):
    runner = train(toy_config(tmp_path, **changes))
    assert planned(runner) == measured(runner)


def test_the_plan_of_a_run(tmp_path):
    runner = train(toy_config(tmp_path, **WARM_UP, **{'optim_wrapper.paramwise_cfg': dict(
        custom_keys={'bend': dict(lr_mult=0.1, decay_mult=0)})}))
    runner._train_loop._iter = 0
    runner.model.line.bias.requires_grad_(False)
    lines = describe(runner, 'work').splitlines()
    assert lines == [
        'network      ToyModel, 4 parameters',
        'trained      1 at a rate of 1 and a decay of 0.1: line.weight',
        'trained      2 at a rate of 0.1 and a decay of 0: bend.weight, bend.bias',
        'frozen       1 of line.bias',
        f'schedule     learning rate 0.1 at the first step, {max(measured(runner)):.4g} at its '
        f'highest (step 3), {measured(runner)[-1]:.4g} at the last',
        'people       8 to train; none to validate; batches of 2',
        'steps        12: 3 epochs of 4',
        'begins       initial weights',
        'checkpoints  work: every 1 epoch(s), all kept']


@pytest.mark.parametrize('batch_size', [2, 4])
def test_a_resumed_run_says_where_it_goes_on(tmp_path, batch_size):
    train(toy_config(tmp_path / 'first'))
    path = tmp_path / 'first/epoch_2.pth'
    runner = train(toy_config(
        tmp_path / 'second', resume=True, load_from=str(path),
        **{'train_cfg.max_epochs': 4, 'train_dataloader.batch_size': batch_size}))
    runner._train_loop._iter, runner._train_loop._epoch, runner._train_loop.first_iter = 8, 2, 8
    text = describe(runner, 'work')
    assert f'begins       {path}, after epoch 2, step 8' in text
    assert f'{measured(runner)[0]:.4g} where it goes on' in text
