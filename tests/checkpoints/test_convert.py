"""Converted checkpoints: files and configs that mmengine takes, with the numbers they had."""
import json

import numpy as np
import pytest
import torch
from conftest import GOLDEN, needs
from family_tensors import FAMILY, tensors_of
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import load_checkpoint
from safetensors import safe_open

from hourglass.checkpoints import import_checkpoint
from hourglass.checkpoints.convert import PIXELS, convert_checkpoint, write_config
from hourglass.errors import CheckpointError, ConfigError


def build(config) -> tuple[torch.nn.Module, Config]:
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model).eval(), cfg


@needs(GOLDEN)
@pytest.mark.data
@pytest.mark.parametrize('folder', ['princeton_2stack', 'bearpaw_2stack'])
@pytest.mark.parametrize('ending', ['safetensors', 'pth'])
def test_a_converted_checkpoint_gives_the_golden_heatmaps(tool, tmp_path, folder, ending, capsys):
    out, config = tmp_path / f'new/weights.{ending}', tmp_path / 'configs/converted.py'
    recorded = np.load(GOLDEN / folder / 'io.npz')
    tool('convert_checkpoint', GOLDEN / folder / 'checkpoint.pth', out, '--config', config,
         '--data', 'mpii')
    model, cfg = build(config)
    load_checkpoint(model, cfg.load_from, map_location='cpu', strict=True)
    with torch.no_grad():
        outputs = model.backbone(torch.from_numpy(recorded['images']))
    for output, expected in zip(outputs, recorded['heatmaps'], strict=True):
        assert np.abs(output.numpy() - expected).max() < 1e-5 * np.abs(expected).max()
    said = capsys.readouterr().out
    assert f"layout: {folder.split('_')[0]}" in said
    assert ('dropped' in said) == (folder == 'princeton_2stack')


@pytest.mark.parametrize('family', FAMILY)
@pytest.mark.parametrize('half', [False, True])
def test_converting_again_changes_nothing(tmp_path, family, half):
    tensors, network = tensors_of(family)
    torch.save(tensors, tmp_path / 'theirs.pth')
    convert_checkpoint(tmp_path / 'theirs.pth', tmp_path / 'a.safetensors', half)
    convert_checkpoint(tmp_path / 'a.safetensors', tmp_path / 'b.pth', half)
    found, report = import_checkpoint(tmp_path / 'b.pth')
    assert report['family'] == 'hourglass'
    for a, b in zip(found.state_dict().values(), network.state_dict().values(), strict=True):
        assert torch.equal(a, b.half().float() if half and b.is_floating_point() else b)
    with safe_open(tmp_path / 'a.safetensors', 'pt') as file:
        assert file.metadata()['family'] == family
        assert json.loads(file.metadata()['network'])['num_stacks'] == 3


def test_a_run_of_ours_is_converted_whatever_mmengine_keeps_beside_it(tmp_path):
    tensors, network = tensors_of('hourglass', 'backbone.')
    torch.save(dict(state_dict=tensors, meta=dict(epoch=3), optimizer=dict(state={}),
                    ema_state_dict=dict(steps=torch.tensor(4))), tmp_path / 'epoch_3.pth')
    report = convert_checkpoint(tmp_path / 'epoch_3.pth', tmp_path / 'small.safetensors')
    assert report['parameters'] == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(('keypoints', 'data', 'base'), [
    (16, None, 'mpii/'), (11, None, 'flic/'), (14, None, 'lsp/'), (16, 'synthetic', 'synthetic/')])
def test_the_config_is_the_data_sets(tmp_path, keypoints, data, base):
    tensors, _ = tensors_of('bearpaw', num_keypoints=keypoints)
    torch.save(tensors, tmp_path / 'theirs.pth')
    report = convert_checkpoint(tmp_path / 'theirs.pth', tmp_path / 'ours.safetensors')
    for pixels in (None, 'imagenet'):
        write_config(report, tmp_path / 'ours.safetensors', tmp_path / 'c/ours.py', data, pixels)
        assert base in (tmp_path / 'c/ours.py').read_text()
        model, cfg = build(tmp_path / 'c/ours.py')
        load_checkpoint(model, cfg.load_from, strict=True)
        mean, std = PIXELS[pixels or 'bearpaw']
        assert (cfg.model.data_preprocessor.mean, cfg.model.data_preprocessor.std) == (mean, std)


def test_what_no_config_fits_is_said(tmp_path):
    for sizes, message in ((dict(num_keypoints=5), r'5 keypoints, there are 16 \(mpii\)'),
                           (dict(num_keypoints=16, depth=7), 'an hourglass of 7 levels needs')):
        report = dict(family='bearpaw', pixels='bearpaw', config=dict(depth=3) | sizes)
        with pytest.raises(ConfigError, match=message):
            write_config(report, 'weights.pth', tmp_path / 'config.py')


def test_another_kind_of_file_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(CheckpointError, match=r'name a .safetensors or a .pth file'):
        convert_checkpoint(tmp_path / 'missing.pth', tmp_path / 'out.onnx')
