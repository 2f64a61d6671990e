"""The tools on a small data set: the loss falls, runs resume, mmpose's tool agrees with ours."""
from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import mmpose
import pytest
import torch
from children import run as run_alone
from conftest import REPOSITORY

from hourglass.checkpoints import read_checkpoint
from hourglass.cli import COMMANDS

CONFIG = 'configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py'
TINY = ['model.backbone.channels=16', 'model.backbone.depth=2',
        'model.backbone.heatmap_std=None',
        'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
        'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
        'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False',
        'train_dataloader.batch_size=8', 'default_hooks.logger.interval=1',
        'optim_wrapper.optimizer.lr=0.03', 'train_cfg.max_epochs=3', 'train_cfg.val_interval=1']


def run(tool: str | Path, *arguments: str, data: Path, options: list[str] = TINY):
    return run_alone(
        [sys.executable, '-W', 'ignore', str(REPOSITORY / tool), *map(str, arguments),
         '--cfg-options', *options],
        cwd=REPOSITORY, env=os.environ | {'HOURGLASS_DATA': str(data)})


def scalars(work_dir: Path) -> list[dict]:
    """All lines of the newest log of numbers."""
    newest = max(work_dir.glob('*/vis_data/scalars.json'))
    return [json.loads(line) for line in newest.read_text().splitlines()]


@pytest.fixture(scope='module')
def trained(synthetic, tmp_path_factory) -> SimpleNamespace:
    """A work folder after three epochs of four steps."""
    work_dir = tmp_path_factory.mktemp('work')
    done = run('tools/train.py', CONFIG, '--work-dir', work_dir, data=synthetic)
    assert done.returncode == 0, done.stderr[-3000:]
    return SimpleNamespace(work_dir=work_dir, data=synthetic, output=done.stdout + done.stderr,
                           checkpoint=work_dir / 'epoch_3.pth')


def test_the_loss_of_every_stage_falls(trained):
    steps = [line for line in scalars(trained.work_dir) if 'loss' in line]
    assert len(steps) == 3 * 4
    for stage in range(2):
        losses = [step[f'loss_stage{stage}'] for step in steps]
        assert sum(losses[-4:]) < 0.7 * sum(losses[:4])
        assert all(0 <= step[f'acc_stage{stage}'] <= 1 for step in steps)


def test_off_a_terminal_there_are_plain_lines(trained):
    assert '\r' not in trained.output
    assert re.search(r'Epoch\(train\) +\[3\]\[4/4\].*eta.*loss_stage0.*acc_stage1', trained.output)
    assert 'PCKh@0.5 (official) of 16 people' in trained.output


@pytest.mark.slow
def test_resuming_goes_on_where_it_was(trained, tmp_path):
    done = run('tools/train.py', CONFIG, '--work-dir', tmp_path, '--resume', trained.checkpoint,
               data=trained.data, options=[*TINY, 'train_cfg.max_epochs=4'])
    assert done.returncode == 0, done.stderr[-3000:]
    steps = [line for line in scalars(tmp_path) if 'loss' in line]
    assert [(s['epoch'], s['step']) for s in steps] == [(4, i) for i in range(13, 17)]
    before, after = (read_checkpoint(path) for path in (
        trained.checkpoint, tmp_path / 'epoch_4.pth'))
    counts = [c['optimizer']['state'][0]['step'] for c in (before, after)]
    assert counts == [12, 16]                       # Adam's own count went on too


@pytest.mark.slow
def test_spawned_data_workers_train_on_the_same_batches(trained, synthetic, tmp_path):
    """Windows has no other start method, and macOS no safe one."""
    done = run('tools/train.py', CONFIG, '--work-dir', tmp_path, data=synthetic, options=[
        *TINY, 'train_dataloader.num_workers=2', 'env_cfg.mp_cfg.mp_start_method=spawn'])
    assert done.returncode == 0, done.stderr[-3000:]
    found, expected = ([line['loss'] for line in scalars(folder) if 'loss' in line]
                       for folder in (tmp_path, trained.work_dir))
    assert len(found) == 12 and found == pytest.approx(expected, rel=1e-4)  # sums in another order


@pytest.mark.slow
def test_both_test_tools_give_the_validation_numbers(trained, cli, tmp_path):
    for script, name, more in (
            (REPOSITORY / 'tools/test.py', 'ours.json', (
                '--show-dir', tmp_path / 'overlays', '--interval', '4', '--dump',
                tmp_path / 'all.pkl', '--people', tmp_path / 'people.json')),
            (Path(mmpose.__file__).parent / '.mim/tools/test.py', 'mmpose.json', ())):
        done = run(script, CONFIG, trained.checkpoint, '--work-dir', tmp_path, '--out',
                   tmp_path / name, *more, data=trained.data)
        assert done.returncode == 0, done.stderr[-3000:]
    ours, theirs = (json.loads((tmp_path / name).read_text())
                    for name in ('ours.json', 'mmpose.json'))
    assert ours.pop('interval95').keys() <= theirs.keys()       # which mmpose's tool does not know
    assert ours == theirs
    validated = [line for line in scalars(trained.work_dir) if 'mpii/Total' in line][-1]
    assert {name: validated[name] for name in ours} == ours
    # and what ours was asked for besides
    assert [p.name for p in sorted((tmp_path / 'overlays').iterdir())] == [
        f'{i:06d}_{i:06d}.jpg' for i in range(0, 16, 4)]
    assert (tmp_path / 'all.pkl').stat().st_size > 10_000
    # the predictions score the same from their file
    cli('evaluate', 'mpii', '--gt', trained.data / 'synthetic/test/annotations.json', '--pred',
         tmp_path / 'people.json', '--json', tmp_path / 'again.json')
    again = json.loads((tmp_path / 'again.json').read_text())
    assert again['base'] == 0
    assert {name: again[name.split('/')[1]] for name in ours} == ours


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_has_a_help(cli, capsys, name):
    with pytest.raises(SystemExit, match='^0$'):
        cli(*name.split(), '--help')
    assert capsys.readouterr().out.startswith('usage')


@pytest.fixture
def refusal(monkeypatch, cli, tmp_path):
    """The one line with which a tool refuses."""
    def refuse(name: str, *arguments, data: Path, options: list[str] = TINY) -> str:
        monkeypatch.setenv('HOURGLASS_DATA', str(data))
        monkeypatch.chdir(REPOSITORY)
        with pytest.raises(SystemExit) as stop:
            cli(name, *arguments, '--work-dir', tmp_path / 'work', '--cfg-options', *options)
        message = stop.value.code
        assert message.startswith('error: ')
        assert '\n' not in message
        return message
    return refuse


def test_a_checkpoint_of_another_network_is_refused(trained, refusal):
    message = refusal('test', CONFIG, trained.checkpoint, data=trained.data,
                      options=[*TINY, 'model.backbone.channels=32'])
    assert str(trained.checkpoint) in message
    assert re.search(r"tensors do not fit, first 'backbone\.\S+' \(\(.*\) there,", message)


def test_a_torn_checkpoint_is_refused_with_its_name(trained, refusal, tmp_path):
    torn = tmp_path / 'torn.pth'
    torn.write_bytes(trained.checkpoint.read_bytes()[:5000])
    assert 'torn.pth: not a readable checkpoint' in refusal(
        'test', CONFIG, torn, data=trained.data)


def test_an_image_that_breaks_stops_the_run_with_its_name(synthetic, refusal, tmp_path):
    shutil.copytree(synthetic / 'synthetic', tmp_path / 'synthetic')
    image = next((tmp_path / 'synthetic/train/images').iterdir())
    image.write_bytes(image.read_bytes()[:1000])
    with_workers = [option for option in TINY if 'workers' not in option]
    assert f'{image.name}: not a readable image' in refusal(
        'train', CONFIG, data=tmp_path, options=with_workers)


@pytest.mark.parametrize(('options', 'message'), [
    (['model.backbone.num_stack=2'],
     "model.backbone.num_stack: hourglass.StackedHourglass has no such argument, did you mean "
     "'num_stacks'?"),
    (['model.backbone.type=hourglass.StackedHourglas'], 'hourglass.StackedHourglas'),
    (['optim_wrapper.optimizer.type=AdmW'], "optim_wrapper.optimizer.type='AdmW': no such"),
    (['train_dataloder.batch_size=2'], "did you mean 'train_dataloader'?"),
])
def test_config_typos_are_named(options, message, synthetic, refusal):
    assert message in refusal('train', CONFIG, data=synthetic, options=[*TINY, *options])


@pytest.mark.skipif(torch.cuda.is_available(), reason='mixed precision works here')
def test_mixed_precision_without_accelerator_is_refused(synthetic, refusal):
    assert 'leave --amp out' in refusal('train', CONFIG, '--amp', data=synthetic)


def test_missing_config_data_and_checkpoint_are_named(synthetic, refusal, tmp_path):
    assert 'configs/none.py: no such config' in refusal('train', 'configs/none.py', data=synthetic)
    assert 'synthetic: no such data folder. Set HOURGLASS_DATA' in refusal(
        'train', CONFIG, data=tmp_path / 'nowhere')
    assert 'none.pth: no such checkpoint' in refusal('test', CONFIG, 'none.pth', data=synthetic)
