"""The config of a run: where it begins, how it is scaled, which loop it has."""
import argparse
from pathlib import Path

import pytest
import torch

from hourglass.cli.train import add_arguments, training_config
from hourglass.errors import ConfigError

CONFIG = """\
train_cfg = dict(by_epoch=True, max_epochs=3)
train_dataloader = dict(batch_size=6, num_workers=0)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3), accumulative_counts=2)
default_hooks = dict(checkpoint=dict(save_best='mpii/Total'))
auto_scale_lr = dict(base_batch_size=8)
"""


@pytest.fixture
def config_of(tmp_path, monkeypatch):
    """The config that ``hourglass train`` makes of :data:`CONFIG`."""
    monkeypatch.delenv('WORLD_SIZE', raising=False)

    def make(*words: str, text: str = ''):
        path = tmp_path / 'config.py'
        path.write_text(CONFIG + text)
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        return training_config(parser.parse_args(
            [str(path), '--work-dir', str(tmp_path / 'work'), *words]))
    return make


def checkpoint(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    torch.save(dict(state_dict={}), path)
    return path


def test_resuming_without_a_checkpoint_begins_from_load_from(config_of, tmp_path):
    weights = checkpoint(tmp_path / 'weights.pth')
    text = f"load_from = '{weights}'\nresume = False\n"
    for words in ((), ('--resume',)):
        cfg = config_of(*words, text=text)
        assert (cfg.load_from, cfg.resume) == (str(weights), False)
    (tmp_path / 'work').mkdir()                 # a run that was killed before its first checkpoint
    (tmp_path / 'work/epoch_1.pth.abcd.part').write_bytes(b'torn')
    cfg = config_of('--resume', text=text)
    assert (cfg.load_from, cfg.resume) == (str(weights), False)
    assert not config_of('--resume').get('resume')


def test_resuming_goes_on_from_the_last_or_the_named_checkpoint(config_of, tmp_path):
    text = f"load_from = '{checkpoint(tmp_path / 'weights.pth')}'\n"
    last, other = checkpoint(tmp_path / 'work/epoch_2.pth'), checkpoint(tmp_path / 'other.pth')
    (tmp_path / 'work/last_checkpoint').write_text(str(last))
    for words, path in ((('--resume',), last), (('--resume', str(other)), other)):
        cfg = config_of(*words, text=text)
        assert (cfg.load_from, cfg.resume) == (str(path), True)
    assert not config_of(text=text).get('resume')


def test_a_restart_by_torchrun_goes_on_from_what_this_run_has_saved(
        config_of, tmp_path, monkeypatch):
    first = checkpoint(tmp_path / 'first.pth')
    named = '--resume', str(first)
    own = checkpoint(tmp_path / 'work/epoch_2.pth')
    for count, saved, words, path in (
            ('0', True, (), None), ('1', True, (), own), ('1', False, (), None),
            ('0', True, named, first), ('1', True, named, own), ('1', False, named, first)):
        monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', count)
        note = tmp_path / 'work/last_checkpoint'
        note.write_text(str(own)) if saved else note.unlink()
        cfg = config_of(*words)
        assert (cfg.get('load_from'), cfg.get('resume', False)) == (
            (str(path), True) if path else (None, False))


@pytest.mark.parametrize(('restarts', 'count', 'words', 'kept'), [
    (0, 0, (), True), (3, 0, (), False), (3, 0, ('--resume', 'work/epoch_2.pth'), False),
    (3, 0, ('--resume',), True), (3, 1, (), True)])
def test_a_restart_finds_no_checkpoint_of_an_earlier_run_in_the_folder(
        config_of, cli, tmp_path, monkeypatch, restarts, count, words, kept):
    """Even if the first start fails before the training, as without a model."""
    monkeypatch.setenv('TORCHELASTIC_MAX_RESTARTS', str(restarts))
    monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', str(count))
    monkeypatch.chdir(tmp_path)
    note = tmp_path / 'work/last_checkpoint'
    note.parent.mkdir()
    note.write_text(str(checkpoint(tmp_path / 'work/epoch_2.pth')))
    config_of()                         # writes the file
    with pytest.raises(SystemExit, match='error: '):
        cli('train', 'config.py', '--work-dir', 'work', *words)
    assert note.exists() is kept


def test_weights_alone_are_not_resumed(config_of):
    with pytest.raises(ConfigError, match='holds weights alone; start from them with'):
        config_of('--resume', 'a.safetensors')


def test_mmengines_loops_become_the_resumable_ones(config_of):
    assert config_of().train_cfg == dict(type='hourglass.EpochLoop', max_epochs=3)
    cfg = config_of(text='train_cfg = dict(by_epoch=False, max_iters=9)\n')
    assert cfg.train_cfg == dict(type='hourglass.IterationLoop', max_iters=9)


def test_without_validation_there_is_no_best_checkpoint(config_of):
    cfg = config_of('--no-validate')
    assert (cfg.val_cfg, cfg.val_dataloader, cfg.val_evaluator) == (None, None, None)
    assert cfg.default_hooks.checkpoint == {}
    config_of('--no-validate', text='del default_hooks\n')


def test_the_learning_rate_is_scaled_when_asked_for(config_of):
    assert config_of().optim_wrapper.optimizer.lr == 1e-3
    assert config_of('--auto-scale-lr').optim_wrapper.optimizer.lr == pytest.approx(
        1e-3 * 6 * 2 / 8)                       # batch x accumulated / base


def test_an_unknown_optimiser_is_named(config_of):
    with pytest.raises(ConfigError, match=r"optim_wrapper\.optimizer\.type='AdmW': no such"):
        config_of('--cfg-options', 'optim_wrapper.optimizer.type=AdmW')


def test_minutes_make_a_run_by_iterations(config_of):
    cfg = config_of('--minutes', '3', text="train_dataloader = dict(batch_size=6, num_workers=0, "
                    "sampler=dict(type='DefaultSampler', shuffle=True))\n")
    assert cfg.train_cfg.type == 'hourglass.IterationLoop'
    assert cfg.default_hooks.budget.minutes == 3
