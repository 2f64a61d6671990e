"""A foreign checkpoint, converted by the tool, is tested and trained on by the others."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mmpose
import numpy as np
import pytest
import torch
from family_tensors import tensors_of
from host_parts import write_theirs
from pairs import zip_equal

from hourglass.checkpoints import import_checkpoint, read_checkpoint
from hourglass.datasets.skeletons import COCO_SIGMAS
from hourglass.evaluation.oks import average_precision

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


@pytest.mark.slow
def test_a_network_of_cocos_joints_is_converted_predicts_and_is_tested(
        synthetic, cli, tmp_path, monkeypatch):
    """As FPD stores one, with random weights, on a small file in COCO's form."""
    monkeypatch.setenv('HOURGLASS_DATA', str(tmp_path))
    images = tmp_path / 'coco/val2017'
    shutil.copytree(synthetic / 'synthetic/test/images', images)
    (tmp_path / 'coco/annotations').mkdir()
    annotation = write_theirs(tmp_path, 'CocoDataset', 17, images).rename(
        tmp_path / 'coco/annotations/person_keypoints_val2017.json')
    content = json.loads(annotation.read_text())
    for person in content['annotations']:               # mmpose cuts boxes at the image's border
        person['bbox'][2:] = np.minimum(person['bbox'][2:], 127 - np.array(person['bbox'][:2])
                                        ).tolist()
    annotation.write_text(json.dumps(content))
    tensors, _ = tensors_of('bearpaw', 'module.', num_stacks=1, num_keypoints=17, depth=2)
    torch.save({'state_dict': tensors}, tmp_path / 'theirs.pth.tar')
    weights, config = tmp_path / 'ours.safetensors', tmp_path / 'ours.py'
    cli('convert', tmp_path / 'theirs.pth.tar', weights, '--config', config, '--input', 'imagenet')
    cli('predict', images, '--weights', weights, '--boxes', annotation, '--out', tmp_path / 'out',
        '--no-overlays')
    found = json.loads((tmp_path / 'out/predictions.json').read_text())
    assert found['categories'][0]['keypoints'][:3] == ['nose', 'left_eye', 'right_eye']
    assert [len(person['keypoints']) for person in found['annotations']] == [3 * 17] * 32
    # the annotated people shall stand nearly as predicted
    rng, sigmas = np.random.default_rng(0), np.array([
        COCO_SIGMAS[name] for name in found['categories'][0]['keypoints']])
    for person, prediction in zip_equal(content['annotations'], found['annotations']):
        triples = np.reshape(prediction['keypoints'], (-1, 3))
        prediction['keypoints'] = triples[:, :2]
        person['keypoints'] = np.column_stack([
            triples[:, :2] + rng.normal(0, 2, (17, 2)), np.full(17, 2)]).ravel().tolist()
    annotation.write_text(json.dumps(content))
    cli('test', config, weights, '--work-dir', tmp_path, '--out', tmp_path / 'scores.json',
        '--cfg-options', *QUICK)
    expected, _ = average_precision(content['annotations'], found['annotations'], sigmas)
    tested = json.loads((tmp_path / 'scores.json').read_text())
    assert tested['oks/AP'] == pytest.approx(expected['AP']) and 20 < expected['AP'] < 95


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
