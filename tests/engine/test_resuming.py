"""A resumed run trains with its config, on the weights and the position of its checkpoint."""
from pathlib import Path

import pytest
from mmengine.runner import Runner
from toy_runs import rates, toy_config, train

from hourglass.engine.resuming import differences, settings
from hourglass.errors import ConfigError

ADAM = {'optim_wrapper.optimizer.type': 'Adam'}
STEPS = {'param_scheduler': [dict(type='MultiStepLR', milestones=[2, 4], gamma=0.1)]}
ITERATIONS = {
    'param_scheduler': [dict(type='CosineAnnealingLR', by_epoch=False, eta_min=0.01)],
    'train_cfg': dict(type='hourglass.IterationLoop', max_iters=12),
    'default_hooks.checkpoint.by_epoch': False, 'default_hooks.checkpoint.interval': 4}


def resumed(folder: Path, first: dict, second: dict, last: str = 'epoch_3.pth') -> Runner:
    """A run with the ``second`` changes, resumed from a checkpoint of one with the ``first``."""
    train(toy_config(folder / 'first', **first))
    return train(toy_config(folder / 'second', resume=True, load_from=str(folder / 'first' / last),
                            **second))


@pytest.mark.parametrize('schedule', [{}, STEPS, {'optim_wrapper.paramwise_cfg': dict(
    custom_keys={'line': dict(lr_mult=0.1)})}])
@pytest.mark.parametrize('epochs', [1, 2, 3])
@pytest.mark.parametrize('longer', [3, 6])
def test_rates_are_those_of_the_whole_run(tmp_path, schedule, epochs, longer):
    """Resumed after any epoch, as long as planned or twice as long: the rates of a whole run."""
    whole = rates(train(toy_config(tmp_path / 'whole', **schedule,
                                   **{'train_cfg.max_epochs': longer})))
    run = resumed(tmp_path, schedule, schedule | {'train_cfg.max_epochs': longer},
                  f'epoch_{epochs}.pth')
    assert len(whole) == 4 * longer
    assert rates(run) == whole[4 * epochs:]


@pytest.mark.parametrize(('changes', 'expected'), [
    ({'optim_wrapper.optimizer.lr': 0.5}, ([0.5] * 8, 0.1)),
    ({'optim_wrapper.optimizer.weight_decay': 0.02}, ([1.0] * 8, 0.02)),
    # an epoch has eight steps now: the last two of four epochs
    ({'train_dataloader.batch_size': 1, 'train_cfg.max_epochs': 4}, ([1.0] * 16, 0.1)),
    ({'train_dataloader.dataset.length': 4, 'train_cfg.max_epochs': 4}, ([1.0] * 4, 0.1)),
])
def test_what_the_config_says_is_taken(tmp_path, capsys, changes, expected):
    constant = {'param_scheduler': [dict(type='ConstantLR', factor=1.0)]}
    run = resumed(tmp_path, constant, constant | dict({'train_cfg.max_epochs': 4}, **changes),
                  'epoch_2.pth')
    hook = next(hook for hook in run.hooks if type(hook).__name__ == 'NotesRates')
    assert (hook.rates, set(hook.decays)) == (expected[0], {expected[1]})
    log = capsys.readouterr()
    for key in changes:
        assert f'taken    {key}: ' in log.out + log.err


def test_a_schedule_by_iteration_follows_epochs_of_another_length(tmp_path):
    """After two of three epochs the cosine has a third left, whatever the length of an epoch."""
    changes = {'train_dataloader.batch_size': 1}
    whole = rates(train(toy_config(tmp_path / 'whole', **changes)))
    assert rates(resumed(tmp_path, {}, changes, 'epoch_2.pth')) == whole[16:]


def test_iterations_are_stretched_too(tmp_path):
    longer = ITERATIONS | {'train_cfg': dict(type='hourglass.IterationLoop', max_iters=24)}
    whole = rates(train(toy_config(tmp_path / 'whole', **longer)))
    assert rates(resumed(tmp_path, ITERATIONS, longer, 'iter_8.pth')) == whole[8:]


@pytest.mark.parametrize(('changes', 'message'), [
    (ADAM, r'epoch_3\.pth: cannot be resumed with another optim_wrapper\.optimizer\.type \(AdamW '
           r'there, Adam here\), as the state is that of another optimiser; restore it, or start '
           'anew from the weights, with load_from instead of --resume'),
    ({'optim_wrapper.paramwise_cfg': dict(custom_keys={'line': dict(lr_mult=0.1)})},
     r'another optim_wrapper\.paramwise_cfg\.custom_keys\.line\.lr_mult \(none there, 0\.1 here\)'),
    (ITERATIONS, r'another train_cfg\.type \(hourglass\.EpochLoop there'),
    ({'param_scheduler': [dict(type='ReduceOnPlateauLR', monitor='score')]},
     'one that follows scores cannot be resumed with another config'),
])
def test_what_would_be_meaningless_is_refused(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        resumed(tmp_path, {}, changes)


def test_initial_weights_and_seed_are_ignored_and_said_to_be(tmp_path, capsys):
    run = resumed(tmp_path, {'randomness.seed': 1}, {
        'randomness.seed': 2, 'model.init_cfg': dict(type='Constant', val=7.0, layer='Linear')})
    assert run.seed == 1
    assert all(abs(weight.item()) < 7 for weight in run.model.parameters())
    log = ''.join(capsys.readouterr())
    assert "ignored  randomness.seed: 1 -> 2 (the seed is the checkpoint's)" in log
    assert "ignored  model.init_cfg.val: none -> 7.0 (the weights are the checkpoint's)" in log


def test_nothing_is_said_of_a_run_that_goes_on_as_it_was(tmp_path, capsys):
    resumed(tmp_path, {}, {}, 'epoch_2.pth')
    assert 'another config' not in ''.join(capsys.readouterr())


def test_the_config_of_a_checkpoint_is_read_and_never_run():
    text = ('a = dict(b=[1, dict(c=(2, None))])\nd = open("x").read()\n'
            'e = {"a-b": dict(f=-1e-3)}\nimport os\n')
    assert settings(text) == dict(
        a=dict(b=[1, dict(c=(2, None))]), d="open('x').read()", e={'a-b': dict(f=-1e-3)})


def test_only_settings_that_train_are_compared():
    old = dict(model=dict(a=1), work_dir='here', param_scheduler=[dict(end=3), dict(end=4)])
    new = dict(model=dict(a=1, b=2), work_dir='there', param_scheduler=[dict(end=3)])
    assert list(differences(old, new)) == [
        ('model.b', 'none', 2), ('param_scheduler.1.end', 4, 'none')]
