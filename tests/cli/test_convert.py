"""A foreign checkpoint, converted by the tool, is tested and trained on by the others."""
import json
import os
import subprocess
import sys
from pathlib import Path

import mmpose
import pytest
import torch
from family_tensors import tensors_of
from pairs import zip_equal

from hourglass.checkpoints import import_checkpoint, read_checkpoint

QUICK = ['train_cfg.max_epochs=1', 'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0',
         'test_dataloader.num_workers=0', 'train_dataloader.batch_size=16']


@pytest.mark.slow
def test_a_converted_checkpoint_is_tested_and_trained_on(synthetic, cli, tmp_path, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    tensors, network = tensors_of('bearpaw', 'module.', num_stacks=1, num_keypoints=16, depth=2)
    torch.save({'state_dict': tensors, 'best_acc': 0.5}, tmp_path / 'theirs.pth.tar')
    weights, config = tmp_path / 'ours.safetensors', tmp_path / 'ours.py'
    cli('convert', tmp_path / 'theirs.pth.tar', weights, '--config', config,
         '--data', 'synthetic')
    cli('test', config, weights, '--work-dir', tmp_path / 'test', '--all-stages', '--out',
         tmp_path / 'scores.json', '--cfg-options', *QUICK)
    scores = json.loads((tmp_path / 'scores.json').read_text())
    assert scores['mpii/stage0/Total'] == scores['mpii/Total']
    # with a rate of 0 the weights stay what load_from brought
    for rate, same in ((0, True), (0.001, False)):
        work_dir = tmp_path / f'rate{rate}'
        cli('train', config, '--work-dir', work_dir, '--cfg-options', *QUICK,
             f'optim_wrapper.optimizer.lr={rate}')
        trained, _ = import_checkpoint(work_dir / 'epoch_1.pth')
        assert same == all(torch.equal(a, b) for a, b in zip_equal(
            trained.parameters(), network.parameters()))
    assert read_checkpoint(work_dir / 'epoch_1.pth')['meta']['iter'] == 2


def test_a_run_that_averages_starts_from_it(synthetic, cli, tmp_path, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    tensors, network = tensors_of('bearpaw', num_stacks=1, num_keypoints=16, depth=2)
    torch.save(tensors, tmp_path / 'theirs.pth')
    cli('convert', tmp_path / 'theirs.pth', tmp_path / 'ours.safetensors', '--data',
         'synthetic', '--config', tmp_path / 'ours.py')
    (tmp_path / 'averaged.py').write_text(
        "_base_ = ['ours.py']\n"
        "default_hooks = dict(average=dict(type='EMAHook', momentum=0.5))\n")
    cli('train', tmp_path / 'averaged.py', '--no-validate', '--work-dir', tmp_path / 'run',
         '--cfg-options', *QUICK, 'optim_wrapper.optimizer.lr=0')
    averaged, _ = import_checkpoint(tmp_path / 'run/epoch_1.pth')
    assert all(torch.allclose(a, b, rtol=1e-6)          # an average of equal numbers
               for a, b in zip_equal(averaged.parameters(), network.parameters()))


@pytest.mark.slow
def test_the_test_tool_of_mmpose_takes_it(synthetic, cli, tmp_path, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    tensors, _ = tensors_of('princeton', num_stacks=1, num_keypoints=16, depth=2)
    torch.save(tensors, tmp_path / 'theirs.pth')
    cli('convert', tmp_path / 'theirs.pth', tmp_path / 'ours.safetensors', '--half',
         '--data', 'synthetic', '--config', tmp_path / 'ours.py')
    cli('test', tmp_path / 'ours.py', tmp_path / 'ours.safetensors', '--work-dir', tmp_path,
         '--out', tmp_path / 'ours.json', '--cfg-options', *QUICK)
    options = ['test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False']
    done = subprocess.run(
        [sys.executable, Path(mmpose.__file__).parent / '.mim/tools/test.py', tmp_path / 'ours.py',
         tmp_path / 'ours.safetensors', '--work-dir', tmp_path, '--out', tmp_path / 'theirs.json',
         '--cfg-options', *options], env=os.environ | {'HOURGLASS_DATA': str(synthetic)},
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    ours, theirs = (json.loads((tmp_path / name).read_text())
                    for name in ('ours.json', 'theirs.json'))
    assert ours.pop('interval95').keys() <= theirs.keys()       # which mmpose's tool does not know
    assert ours == theirs


@pytest.mark.parametrize(('arguments', 'message'), [
    (['missing.pth', 'out.pth'], 'missing.pth: no such checkpoint'),
    (['missing.pth', 'out.bin'], 'out.bin: name a .safetensors or a .pth file')])
def test_what_it_cannot_do_is_said_in_one_line(cli, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=f'^error: {message}$'):
        cli('convert', *arguments)
    assert not list(tmp_path.iterdir())
