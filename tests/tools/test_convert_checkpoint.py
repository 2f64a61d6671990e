"""A foreign checkpoint, converted by the tool, is tested and trained on by the others."""
import json

import pytest
import torch
from family_tensors import tensors_of

from hourglass.checkpoints import import_checkpoint, read_checkpoint

QUICK = ['train_cfg.max_epochs=1', 'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0',
         'test_dataloader.num_workers=0', 'train_dataloader.batch_size=16']


def test_a_converted_checkpoint_is_tested_and_trained_on(synthetic, tool, tmp_path, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    tensors, network = tensors_of('bearpaw', 'module.', num_stacks=1, num_keypoints=16, depth=2)
    torch.save({'state_dict': tensors, 'best_acc': 0.5}, tmp_path / 'theirs.pth.tar')
    weights, config = tmp_path / 'ours.safetensors', tmp_path / 'ours.py'
    tool('convert_checkpoint', tmp_path / 'theirs.pth.tar', weights, '--config', config,
         '--data', 'synthetic')
    tool('test', config, weights, '--work-dir', tmp_path / 'test', '--all-stages', '--out',
         tmp_path / 'scores.json', '--cfg-options', *QUICK)
    scores = json.loads((tmp_path / 'scores.json').read_text())
    assert scores['mpii/stage0/Total'] == scores['mpii/Total']
    # with a rate of 0 the weights stay what load_from brought
    for rate, same in ((0, True), (0.001, False)):
        work_dir = tmp_path / f'rate{rate}'
        tool('train', config, '--work-dir', work_dir, '--cfg-options', *QUICK,
             f'optim_wrapper.optimizer.lr={rate}')
        trained, _ = import_checkpoint(work_dir / 'epoch_1.pth')
        assert same == all(torch.equal(a, b) for a, b in zip(
            trained.parameters(), network.parameters(), strict=True))
    assert read_checkpoint(work_dir / 'epoch_1.pth')['meta']['iter'] == 2


@pytest.mark.parametrize(('arguments', 'message'), [
    (['missing.pth', 'out.pth'], 'missing.pth: no such checkpoint'),
    (['missing.pth', 'out.bin'], 'out.bin: name a .safetensors or a .pth file')])
def test_what_it_cannot_do_is_said_in_one_line(tool, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=f'^error: {message}$'):
        tool('convert_checkpoint', *arguments)
    assert not list(tmp_path.iterdir())
