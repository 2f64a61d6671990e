"""A resumed run trains with its config, on the weights and the position of its checkpoint."""
import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import NEEDS_MMENGINE_0_9_1
from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, HOOKS, MODELS
from mmengine.runner import FlexibleRunner, Runner
from pairs import zip_equal
from ranks import ended, ranks_of
from toy_runs import ToyDataset, rates, toy_config, train

from hourglass.checkpoints import read_checkpoint
from hourglass.engine.resuming import differences, keep_global_batch, settings
from hourglass.engine.saving import hook_state, restore_hook
from hourglass.errors import ConfigError

ADAM = {'optim_wrapper.optimizer.type': 'Adam'}
STEPS = {'param_scheduler': [dict(type='MultiStepLR', milestones=[2, 4], gamma=0.1)]}
ONE_CYCLE = pytest.param(
    {'param_scheduler': [dict(type='OneCycleLR', eta_max=2.0, by_epoch=False)]},
    marks=NEEDS_MMENGINE_0_9_1)
ITERATIONS = {
    'param_scheduler': [dict(type='CosineAnnealingLR', by_epoch=False, eta_min=0.01)],
    'train_cfg': dict(type='hourglass.IterationLoop', max_iters=12),
    'default_hooks.checkpoint.by_epoch': False, 'default_hooks.checkpoint.interval': 4}


def resumed(folder: Path, first: dict, second: dict, last: str = 'epoch_3.pth') -> Runner:
    """A run with the ``second`` changes, resumed from a checkpoint of one with the ``first``."""
    train(toy_config(folder / 'first', **first))
    return train(toy_config(folder / 'second', resume=True, load_from=str(folder / 'first' / last),
                            **second))


@pytest.mark.parametrize('schedule', [{}, STEPS, ONE_CYCLE, {'optim_wrapper.paramwise_cfg': dict(
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


@pytest.mark.parametrize('second', [{}, {
    'default_hooks.checkpoint.type': 'hourglass.SafeCheckpointHook'}])
@pytest.mark.parametrize(('settings', 'longer', 'last'), [
    ({}, {'train_cfg.max_epochs': 6}, 'epoch_2.pth'),
    (ITERATIONS, {'train_cfg': dict(type='hourglass.IterationLoop', max_iters=24)},
     'iter_8.pth')])
def test_checkpoints_of_the_hook_of_mmengine_are_resumed_after_their_epoch(
        tmp_path, settings, longer, last, second):
    """Which do not say that they are at the beginning of an epoch."""
    first = settings | {'default_hooks.checkpoint.type': 'CheckpointHook'}
    second = first | second | (longer if second else {})        # mmengine's keeps the old schedule
    whole = rates(train(toy_config(tmp_path / 'whole', **second)))
    assert rates(resumed(tmp_path, first, second, last)) == whole[8:]


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


@pytest.mark.parametrize('sampler', ['DefaultSampler', 'InfiniteSampler'])
def test_a_run_of_iterations_goes_on_with_other_batches_from_any_iteration(tmp_path, sampler):
    """Its steps stay where they are, though a pass through the data has fewer of them."""
    run = resumed(tmp_path, ITERATIONS, ITERATIONS | {
        'train_dataloader.batch_size': 8, 'train_dataloader.sampler.type': sampler}, 'iter_8.pth')
    assert run.iter == 12
    assert rates(run) == rates(train(toy_config(tmp_path / 'whole', **ITERATIONS)))[8:]


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


def test_another_number_of_images_is_said_also_without_the_command_that_keeps_it(tmp_path, capsys):
    """As when mmengine's own runner resumes a run of two processes in one."""
    train(toy_config(tmp_path / 'first'))
    path = tmp_path / 'first/epoch_2.pth'
    checkpoint = read_checkpoint(path)
    checkpoint['meta']['position'].update(ranks=2, batch=4, batches_per_epoch=2)
    torch.save(checkpoint, path)
    train(toy_config(tmp_path / 'second', resume=True, load_from=str(path)))
    assert 'taken    images of an iteration: 4 -> 2' in ''.join(capsys.readouterr())


def test_initial_weights_and_seed_are_ignored_and_said_to_be(tmp_path, capsys):
    run = resumed(tmp_path, {'randomness.seed': 1}, {
        'randomness.seed': 2, 'model.init_cfg': dict(type='Constant', val=7.0, layer='Linear')})
    assert run.seed == 1
    assert all(abs(weight.item()) < 7 for weight in run.model.parameters())
    log = ''.join(capsys.readouterr())
    assert "ignored  randomness.seed: 1 -> 2 (the seed is the checkpoint's)" in log
    assert "ignored  model.init_cfg.val: none -> 7.0 (the weights are the checkpoint's)" in log


def test_schedules_follow_a_data_set_that_grew_behind_the_same_config(tmp_path, monkeypatch):
    train(toy_config(tmp_path / 'first'))
    monkeypatch.setattr(ToyDataset, '__len__', lambda dataset: 16)
    whole = rates(train(toy_config(tmp_path / 'whole')))
    run = train(toy_config(tmp_path / 'second', resume=True,
                           load_from=str(tmp_path / 'first/epoch_2.pth')))
    assert rates(run) == whole[16:]


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


@DATASETS.register_module(force=True)
class RandomMaps(torch.utils.data.Dataset):
    """24 maps that depend on their index and on the random numbers of the sample."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> dict:
        drawn = torch.rand(2, 4, 4).double() * random.random() + np.random.rand()
        return dict(inputs=drawn + index)


@MODELS.register_module(force=True)
class NormalisedMaps(BaseModel):
    """A convolution and a normalisation over the images of a step, in float64."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 1, 1)).double()

    def forward(self, inputs, mode: str = 'tensor'):
        return dict(loss=self.layers(torch.stack(inputs)).sub(1).square().mean())


# six steps of accumulated gradients, two an epoch; every checkpoint is kept
COUNTS = {
    'model': dict(type='NormalisedMaps'), 'train_dataloader.dataset': dict(
        type='RandomMaps', _delete_=True), 'train_dataloader.sampler.shuffle': True,
    'optim_wrapper.optimizer': dict(type='SGD', lr=0.1, momentum=0.9, _delete_=True),
    'optim_wrapper.accumulative_counts': 2, 'sync_bn': 'torch', 'default_hooks.checkpoint': dict(
        type='hourglass.SafeCheckpointHook', by_epoch=False, interval=1),
    'custom_hooks': [dict(type='EMAHook'), dict(type='NotesRates'), dict(type='Meddles')]}


ENDLESS = COUNTS | {
    'train_cfg': dict(type='hourglass.IterationLoop', max_iters=12, rank_timeout=20),
    'train_dataloader.sampler': dict(type='InfiniteSampler', shuffle=True),
    'param_scheduler': [dict(type='CosineAnnealingLR', by_epoch=False, eta_min=0.01)],
    'log_processor': dict(by_epoch=False)}


def whole_run(folder: Path, ranks: int, config: dict = COUNTS) -> dict:
    assert ended(ranks_of(folder, ranks, work=f'of{ranks}', **config | {
        'train_dataloader.batch_size': 6 // ranks})) == [0] * ranks
    return read_checkpoint(folder / f'of{ranks}/iter_12.pth')


def changed(folder: Path, before: int, after: int, at: int, config: dict = COUNTS) -> dict:
    """The end of a run of ``before`` ranks that ``after`` ranks went on with, on its config."""
    work = f'of{before}then{after}at{at}'
    assert ended(ranks_of(
        folder, after, work=work, resume=folder / f'of{before}/iter_{at}.pth',
        **config | {'train_dataloader.batch_size': 6 // before})) == [0] * after
    return read_checkpoint(folder / work / 'iter_12.pth')


def deviation(a: dict, b: dict) -> float:
    """The largest difference between two checkpoints, in weights, average and moments."""
    moments = [[state['momentum_buffer'] for state in each['optimizer']['state'].values()]
               for each in (a, b)]
    pairs = [*zip_equal(*moments), *((a[part][name], b[part][name]) for part in (
        'state_dict', 'ema_state_dict') for name in a[part])]
    return max((x.double() - y.double()).abs().max().item() for x, y in pairs)


def test_one_process_goes_on_with_the_run_of_two(tmp_path):
    """At iteration 7, in the middle of an epoch and of an accumulated step."""
    whole = whole_run(tmp_path, 2)
    assert read_checkpoint(tmp_path / 'of2/iter_7.pth')['gradients']
    assert 0 < deviation(whole, changed(tmp_path, 2, 1, at=7)) < 1e-12


@pytest.mark.slow
def test_so_it_does_with_a_run_by_iterations_whose_sampler_has_no_end(tmp_path):
    whole = whole_run(tmp_path, 2, ENDLESS)
    assert 0 < deviation(whole, changed(tmp_path, 2, 1, 7, ENDLESS)) < 1e-12


@pytest.mark.slow
def test_any_number_of_processes_goes_on_with_the_run_of_any_other(tmp_path, capsys):
    lines = ['', 'processes    after 5          after 8']
    for before in (1, 2, 3):
        whole = whole_run(tmp_path, before)
        for after in (1, 2, 3):
            off = [deviation(whole, changed(tmp_path, before, after, at)) for at in (5, 8)]
            assert all(value < 1e-12 if after != before else value == 0 for value in off)
            lines.append(f'{before} -> {after}       {off[0]:<17.1e} {off[1]:.1e}')
    with capsys.disabled():
        print('\n'.join(lines))


def test_a_batch_that_the_processes_cannot_share_is_refused(tmp_path):
    cfg, path = toy_config(tmp_path), tmp_path / 'a.pth'
    torch.save(dict(meta=dict(position=dict(ranks=3, batch=6))), path)
    keep_global_batch(cfg, str(path), 2)
    assert cfg.train_dataloader.batch_size == 3
    keep_global_batch(cfg, str(path), 4)                # another batch size than the checkpoint's
    assert cfg.train_dataloader.batch_size == 3
    with pytest.raises(ConfigError, match=r'a\.pth: its 3 processes share batches of 6 images, '
                                          'which 4 cannot; start 1, 2, 3, 6, or change'):
        keep_global_batch(toy_config(tmp_path), str(path), 4)


def test_a_flexible_runner_resumes_after_the_epoch_of_its_checkpoint(tmp_path):
    """It takes a checkpoint that is written again after a validation for the next epoch's."""
    changes = {'val_dataloader': dict(batch_size=2, num_workers=0, dataset=dict(type='ToyDataset'),
                                      sampler=dict(type='DefaultSampler', shuffle=False)),
               'val_evaluator': dict(type='ToyMetric'), 'val_cfg': dict(),
               'strategy': dict(type='SingleDeviceStrategy')}
    whole = FlexibleRunner.from_cfg(toy_config(tmp_path / 'whole', **changes))
    whole.train()
    again = FlexibleRunner.from_cfg(toy_config(
        tmp_path / 'again', resume=True, load_from=f'{tmp_path}/whole/epoch_2.pth', **changes))
    again.train()
    assert rates(again) == rates(whole)[8:]


class Stateful(Hook):
    """Counts epochs, over all parts of a run."""

    epochs = 0

    def after_train_epoch(self, runner: Runner) -> None:
        self.epochs += 1

    def state_dict(self) -> dict:
        return dict(epochs=self.epochs)

    def load_state_dict(self, state: dict) -> None:
        vars(self).update(state)


def test_hooks_go_on_with_what_they_knew(tmp_path):
    """The score never changes: the best of the first epoch, then two without improvement."""
    HOOKS.register_module(module=Stateful, force=True)
    validated = {
        'val_dataloader': dict(batch_size=2, num_workers=0, dataset=dict(type='ToyDataset'),
                               sampler=dict(type='DefaultSampler', shuffle=False)),
        'val_evaluator': dict(type='ToyMetric'), 'val_cfg': dict(), 'train_cfg.max_epochs': 9,
        'custom_hooks': [dict(type='NotesRates'), dict(type='Stateful'), dict(
            type='EarlyStoppingHook', monitor='toy/error', rule='less', patience=3)]}
    whole = train(toy_config(tmp_path / 'whole', **validated))
    assert whole.epoch == 4
    for at, left in ((3, 4), (4, 0)):
        run = train(toy_config(tmp_path / f'from{at}', resume=True, load_from=str(
            tmp_path / f'whole/epoch_{at}.pth'), **validated))
        assert len(rates(run)) == left
        stateful = next(hook for hook in run.hooks if isinstance(hook, Stateful))
        assert stateful.epochs == 4


class PlacedDataset(ToyDataset):
    def __init__(self, length: int = 8, data_root: str = ''):
        super().__init__(length)


@pytest.mark.parametrize(('changes', 'best', 'epochs'), [
    ({}, [], 2),
    ({'default_hooks.checkpoint.save_best': 'again/error'}, ['best_again_error_epoch_3.pth'], 2),
    ({'val_dataloader.dataset.length': 4}, ['best_toy_error_epoch_3.pth'], 4),
    ({'val_dataloader.dataset.data_root': 'moved'}, [], 2)])
def test_best_scores_begin_anew_where_others_are_measured(tmp_path, capsys, changes, best, epochs):
    """The score never changes: the best of the first epoch, then three without improvement."""
    DATASETS.register_module(module=PlacedDataset, force=True)
    validated = {
        'val_dataloader': dict(batch_size=2, num_workers=0, dataset=dict(type='PlacedDataset'),
                               sampler=dict(type='DefaultSampler', shuffle=False)),
        'val_evaluator': [dict(type='ToyMetric'), dict(type='ToyMetric', prefix='again')],
        'default_hooks.checkpoint.save_best': 'toy/error', 'default_hooks.checkpoint.rule': 'less',
        'val_cfg': dict(), 'train_cfg.max_epochs': 9, 'custom_hooks': [
            dict(type='NotesRates'),
            dict(type='EarlyStoppingHook', monitor='toy/error', rule='less', patience=3)]}
    run = resumed(tmp_path, validated, validated | changes, 'epoch_2.pth')
    assert [path.name for path in (tmp_path / 'second').glob('best*')] == best
    assert len(rates(run)) == 4 * epochs
    assert ('anew     best scores' in ''.join(capsys.readouterr())) == bool(best)


@pytest.mark.parametrize('more', [dict(patience=1), dict(stopping_threshold=2)])
def test_a_run_that_one_of_its_hooks_stopped_stays_so(more):
    loop = SimpleNamespace(stop_training=False)
    first, second = (EarlyStoppingHook(monitor=name, rule='less', min_delta=0)
                     for name in ('error', 'other'))
    vars(first).update(more)
    for score in (1, 1.5):
        first._check_stop_condition(score)
    again = EarlyStoppingHook('error', rule='less', patience=first.patience,
                              stopping_threshold=first.stopping_threshold)
    restore_hook(again, hook_state(first), loop)
    restore_hook(second, hook_state(second), loop)
    assert loop.stop_training
