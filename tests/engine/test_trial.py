"""What a validation would fail with, hours later, ends a run before its first step."""
import pytest
from runs import write_config
from toy_runs import rates, toy_config, train

from hourglass.engine import trial
from hourglass.errors import ConfigError


@pytest.fixture
def refusal(synthetic, cli, tmp_path):
    """The line that ends a run with these options before it has written a checkpoint."""
    config, work = write_config(tmp_path, synthetic), tmp_path / 'work'

    def call(*options: str) -> str:
        with pytest.raises(SystemExit) as stop:
            cli('train', config, '--work-dir', work, '--cfg-options',
                'train_dataloader.num_workers=0', *options)
        assert not list(work.glob('*.pth'))
        assert '\n' not in str(stop.value.code)
        return str(stop.value.code)
    return call


def test_a_validation_is_tried_first(refusal):
    for option, message in (
            ('model.test_cfg.flip_mode=heatmap', "model.test_cfg: nothing reads 'flip_mode'"),
            ('model.head.decoder.heatmap_size=(32,32)', 'decoder.heatmap_size is (32, 32) and the'),
            ('model.head.decoder.input_size=(256,256)', 'decoder.input_size is (256, 256) and the'),
            ('train_dataloader.dataset.pipeline.4.encoder.input_size=(256,256)',
             'input_size of GenerateTarget.encoder is (256, 256) and that of the crop (64, 64)'),
            ('default_hooks.checkpoint.save_best=mpii/PCK', "save_best='mpii/PCK' is no score"),
            ('default_hooks.checkpoint.rule=less', "save_best='mpii/Total' with rule='less' takes"),
            ('val_dataloader.dataset.pipeline.3.meta_keys=("id",)', 'the validation would fail: ')):
        assert message in refusal(option)


def test_a_rule_of_the_wrong_direction_is_refused(refusal):
    options = [f'default_hooks.early.{key}' for key in (
        'type=EarlyStoppingHook', 'monitor=mpii/Total', 'rule=less')]
    assert refusal(*options).endswith(
        "EarlyStoppingHook.monitor='mpii/Total' with rule='less' takes the worst score of PCKh for "
        "the best; set rule='greater'")


def test_a_dry_run_says_what_is_trained_and_writes_nothing(synthetic, cli, tmp_path, capfd):
    config, work = write_config(tmp_path, synthetic), tmp_path / 'work'
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit, match='^0$'):
        cli('train', config, '--work-dir', work, '--dry-run', '--cfg-options',
            'train_dataloader.num_workers=0', 'model.backbone.frozen_stages=0')
    assert sorted(tmp_path.iterdir()) == before
    out = capfd.readouterr().out
    for line in ('network      TopdownPoseEstimator, ', 'of backbone.stem\n',
                 'statistics   fixed in ',
                 'people       20 to train, 8 to validate; batches of 4\n',
                 'steps        15: 3 epochs of 5; validated every 1 epoch(s)\n',
                 f'checkpoints  {work}: every 1 epoch(s), the last 2 kept; the best by mpii/Total',
                 'tried        a step (loss '):
        assert line in out


def test_a_parameter_without_gradient_is_named(tmp_path):
    runner = trial.Runner.from_cfg(toy_config(tmp_path))
    runner.model.spare = runner.model.line.__class__(1, 1)
    runner.register_hook(trial.TrialHook('work'))
    with pytest.raises(ConfigError, match="2 parameters get no gradient, first 'spare.weight'"):
        runner.train()
    assert not rates(runner)


def test_a_finished_run_says_so_and_trains_nothing(tmp_path, capsys):
    train(toy_config(tmp_path / 'first'))
    runner = trial.Runner.from_cfg(toy_config(
        tmp_path / 'second', resume=True, load_from=str(tmp_path / 'first/epoch_3.pth')))
    runner.register_hook(trial.TrialHook())
    runner.train()
    assert not rates(runner)
    said = ''.join(capsys.readouterr())
    assert 'epoch_3.pth: this run is finished, and nothing is left to train; a larger' in said


def test_a_run_of_more_epochs_in_larger_batches_goes_on(tmp_path, capsys):
    """Although its steps are fewer than those that were done."""
    train(toy_config(tmp_path / 'first'))
    runner = trial.Runner.from_cfg(toy_config(
        tmp_path / 'second', resume=True, load_from=str(tmp_path / 'first/epoch_3.pth'),
        **{'train_cfg.max_epochs': 4, 'train_dataloader.batch_size': 4}))
    runner.register_hook(trial.TrialHook())
    runner.train()
    assert len(rates(runner)) == 2
    assert runner.iter == runner.max_iters == 12 + 2
    assert runner.message_hub.get_info('eta') == 0
    assert 'nothing is left to train' not in ''.join(capsys.readouterr())


@pytest.mark.parametrize(('changes', 'message'), [
    ({'optim_wrapper.optimizer.lr': 0}, 'optimizer.lr is 0: nothing is learned'),
    ({'optim_wrapper.optimizer.lr': 1e-3},
     'CosineAnnealingLR climbs from 0.001 to eta_min=0.01; eta_min_ratio is a share of the rate'),
    ({'param_scheduler': [dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=13)]},
     'the rate rises until step 13, and the run has 12 steps; lower the end of LinearLR')])
def test_what_is_hardly_meant_is_a_warning(tmp_path, capsys, changes, message):
    runner = trial.Runner.from_cfg(toy_config(tmp_path, **changes))
    runner.register_hook(trial.TrialHook())
    runner.train()
    assert message in ''.join(capsys.readouterr())


@pytest.mark.parametrize(('changes', 'message'), [
    ({'default_hooks.checkpoint.save_best': 'toy/eror', 'default_hooks.checkpoint.rule': 'less'},
     'save_best'),
    ({'custom_hooks': [dict(type='NotesRates'), dict(
        type='EarlyStoppingHook', monitor='toy/eror', rule='less')]}, 'EarlyStoppingHook.monitor'),
    ({'param_scheduler': [dict(type='ReduceOnPlateauLR', monitor='toy/eror')]},
     'param_scheduler.monitor')])
def test_a_score_that_the_metrics_do_not_have_is_refused(tmp_path, changes, message):
    """Also with metrics of other projects, whose names only a validation tells."""
    validated = dict(sampler=dict(type='DefaultSampler', shuffle=False), batch_size=1,
                     num_workers=0, dataset=dict(type='ToyDataset'))
    runner = trial.Runner.from_cfg(toy_config(tmp_path, **{
        'val_dataloader': validated, 'val_cfg': dict(), 'val_evaluator': dict(type='ToyMetric'),
        **changes}))
    runner.register_hook(trial.TrialHook())
    with pytest.raises(ConfigError, match=f"{message}='toy/eror' is no score .* toy/error"):
        runner.train()
    assert not rates(runner)
