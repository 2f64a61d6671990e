"""Converted checkpoints load in mmengine, with configs of their own and unchanged numbers."""
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import GOLDEN, REPOSITORY, needs
from family_tensors import FAMILY, tensors_of
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import load_checkpoint
from pairs import zip_equal
from safetensors import safe_open

from hourglass.checkpoints import import_checkpoint, read_checkpoint, state_dict
from hourglass.checkpoints.convert import add_metadata, convert_checkpoint
from hourglass.checkpoints.families import PIXELS
from hourglass.checkpoints.names import find_weights
from hourglass.checkpoints.plain import to_plain
from hourglass.errors import CheckpointError, ConfigError
from hourglass.models.network import StackedHourglass


def build(config) -> tuple[torch.nn.Module, Config]:
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model).eval(), cfg


@needs(GOLDEN)
@pytest.mark.data
@pytest.mark.parametrize('folder', ['princeton_2stack', 'bearpaw_2stack'])
@pytest.mark.parametrize('ending', ['safetensors', 'pth'])
def test_a_converted_checkpoint_gives_the_golden_heatmaps(cli, tmp_path, folder, ending, capsys):
    out, config = tmp_path / f'new/weights.{ending}', tmp_path / 'configs/converted.py'
    recorded = np.load(GOLDEN / folder / 'io.npz')
    cli('convert', GOLDEN / folder / 'checkpoint.pth', out, '--config', config,
         '--data', 'mpii')
    model, cfg = build(config)
    load_checkpoint(model, cfg.load_from, map_location='cpu', strict=True)
    with torch.no_grad():
        outputs = model.backbone(torch.from_numpy(recorded['images']))
    for output, expected in zip_equal(outputs, recorded['heatmaps']):
        assert np.abs(output.numpy() - expected).max() < 1e-5 * np.abs(expected).max()
    output = capsys.readouterr().out
    assert f"layout: {folder.split('_')[0]}" in output
    assert ('dropped' in output) == (folder == 'princeton_2stack')


@pytest.mark.parametrize('family', FAMILY)
@pytest.mark.parametrize('half', [False, True])
def test_converting_again_changes_nothing(tmp_path, family, half):
    tensors, network = tensors_of(family)
    torch.save(tensors, tmp_path / 'theirs.pth')
    convert_checkpoint(tmp_path / 'theirs.pth', tmp_path / 'a.safetensors', half)
    convert_checkpoint(tmp_path / 'a.safetensors', tmp_path / 'b.pth', half)
    found, report = import_checkpoint(tmp_path / 'b.pth')
    assert report['family'] == 'hourglass'
    for a, b in zip_equal(found.state_dict().values(), network.state_dict().values()):
        assert torch.equal(a, b.half().float() if half and b.is_floating_point() else b)
    with safe_open(tmp_path / 'a.safetensors', 'pt') as file:
        assert file.metadata()['family'] == family
        assert json.loads(file.metadata()['network'])['num_stacks'] == 3


def test_a_run_of_ours_is_converted_without_mmengines_training_state(tmp_path):
    tensors, network = tensors_of('hourglass', 'backbone.')
    torch.save(dict(state_dict=tensors, meta=dict(epoch=3), optimizer=dict(state={}),
                    ema_state_dict=dict(steps=torch.tensor(4))), tmp_path / 'epoch_3.pth')
    report = convert_checkpoint(tmp_path / 'epoch_3.pth', tmp_path / 'small.safetensors')
    assert report['parameters'] == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(('keypoints', 'data', 'base'), [
    (16, None, 'mpii/'), (11, None, 'flic/'), (14, None, 'lsp/'), (17, None, 'coco/'),
    (16, 'synthetic', 'synthetic/')])
def test_the_config_inherits_from_one_of_the_data_set(tmp_path, keypoints, data, base):
    tensors, _ = tensors_of('bearpaw', num_keypoints=keypoints)
    torch.save(tensors, tmp_path / 'theirs.pth')
    for pixels in (None, 'imagenet'):
        convert_checkpoint(tmp_path / 'theirs.pth', tmp_path / 'ours.safetensors',
                           config=tmp_path / 'c/ours.py', data=data, pixels=pixels)
        assert base in (tmp_path / 'c/ours.py').read_text()
        model, cfg = build(tmp_path / 'c/ours.py')
        load_checkpoint(model, cfg.load_from, strict=True)
        mean, std = PIXELS[pixels or 'bearpaw']
        assert (cfg.model.data_preprocessor.mean, cfg.model.data_preprocessor.std) == (mean, std)


@pytest.mark.parametrize(('family', 'sizes', 'config', 'message'), [
    ('bearpaw', dict(num_keypoints=5), 'c.py', r'5 keypoints, there are 16 \(mpii\)'),
    ('bearpaw', dict(num_keypoints=16, depth=7), 'c.py', 'an hourglass of 7 levels needs'),
    ('bearpaw', dict(num_keypoints=16), 'c.yml', r'c.yml: name a .py file'),
    # its input may be of any size, and its codec another: the base would score it wrongly
    ('hourglass', dict(num_keypoints=16), 'c.py', 'with the config it was trained with')])
def test_a_config_that_cannot_fit_is_refused_before_anything_is_written(
        tmp_path, family, sizes, config, message):
    tensors, _ = tensors_of(family, **dict(num_stacks=1) | sizes)
    torch.save(tensors, tmp_path / 'theirs.pth')
    with pytest.raises(ConfigError, match=message):
        convert_checkpoint(tmp_path / 'theirs.pth', tmp_path / 'out.safetensors',
                           config=tmp_path / config)
    assert [path.name for path in tmp_path.iterdir()] == ['theirs.pth']


def test_another_kind_of_file_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(CheckpointError, match=r'name a .safetensors or a .pth file'):
        convert_checkpoint(tmp_path / 'missing.pth', tmp_path / 'out.onnx')


def test_the_source_is_never_replaced(tmp_path):
    torch.save(tensors_of('bearpaw')[0], tmp_path / 'weights.pth')
    before = (tmp_path / 'weights.pth').read_bytes()
    with pytest.raises(CheckpointError, match='would replace the checkpoint it is made of'):
        convert_checkpoint(tmp_path / 'weights.pth', tmp_path / 'folder/../weights.pth')
    assert (tmp_path / 'weights.pth').read_bytes() == before


def test_numbers_beyond_float16_are_not_stored_as_infinity(tmp_path):
    tensors, _ = tensors_of('bearpaw')
    tensors['hg.2.hg.0.3.0.bn1.running_var'] += 1e5
    torch.save(tensors, tmp_path / 'weights.pth')
    with pytest.raises(CheckpointError, match=r'running_var reaches 1e\+05, more than float16'):
        convert_checkpoint(tmp_path / 'weights.pth', tmp_path / 'half.safetensors', half=True)
    convert_checkpoint(tmp_path / 'weights.pth', tmp_path / 'whole.safetensors')
    found, _ = import_checkpoint(tmp_path / 'whole.safetensors')
    assert found.state_dict()['hourglasses.2.inner.inner.inner.0.branch.0.running_var'].min() > 1e5


@pytest.mark.parametrize('ending', ['safetensors', 'pth'])
def test_the_pixels_of_another_project_are_not_forgotten_when_converting_again(tmp_path, ending):
    torch.save(tensors_of('bearpaw')[0], tmp_path / 'theirs.pth')
    for pixels in (None, 'imagenet'):
        convert_checkpoint(tmp_path / 'theirs.pth', tmp_path / f'a.{ending}', pixels=pixels)
        _, report = import_checkpoint(tmp_path / f'a.{ending}')
        assert report['family'] == 'hourglass'
        assert report['pixels'] == PIXELS[pixels or 'bearpaw']


def test_the_pixels_of_a_run_of_ours_come_from_its_own_config(tmp_path):
    strong = Config.fromfile(REPOSITORY / 'configs/mpii/td-hm_hourglass2-strong_mpii-256x256.py')
    paper = Config.fromfile(REPOSITORY / 'configs/mpii/td-hm_hourglass2-paper_mpii-256x256.py')
    tensors, _ = tensors_of('hourglass', 'backbone.')
    for cfg, pixels in ((strong.pretty_text, 'imagenet'), (paper.pretty_text, 'unit'),
                        ('not python (', 'unit')):
        torch.save(dict(state_dict=tensors, meta=dict(cfg=cfg)), tmp_path / 'epoch_1.pth')
        assert import_checkpoint(tmp_path / 'epoch_1.pth')[1]['pixels'] == PIXELS[pixels]


def test_weights_in_a_folder_with_a_quote_are_found(tmp_path):
    torch.save(tensors_of('princeton', num_keypoints=16)[0], tmp_path / 'theirs.pth')
    out = tmp_path / "it's/ours.pth"
    convert_checkpoint(tmp_path / 'theirs.pth', out, config=tmp_path / 'config.py')
    assert Config.fromfile(tmp_path / 'config.py').load_from == str(out)


def test_weights_in_8_bits_are_within_half_a_step_of_each_channel(tmp_path):
    network = StackedHourglass(num_stacks=1, channels=16, num_keypoints=14)
    torch.save(dict(state_dict=network.state_dict()), tmp_path / 'a.pth')
    convert_checkpoint(tmp_path / 'a.pth', tmp_path / 'a.safetensors', int8=True)
    read, _ = import_checkpoint(tmp_path / 'a.safetensors')
    for name, value in network.state_dict().items():
        found = read.state_dict()[name]
        assert found.dtype == value.dtype
        if value.ndim == 4:
            step = value.abs().amax((1, 2, 3), keepdim=True) / 127
            assert ((found - value).abs() <= step * (0.5 + 127 * 2**-11)).all()
        else:
            assert torch.equal(found, value.half().float() if value.is_floating_point() else value)
    sizes = [(tmp_path / name).stat().st_size for name in ('a.safetensors', 'a.pth')]
    assert sizes[0] < 0.5 * sizes[1]                # of a network so small that names count


def test_8_bits_are_for_safetensors_alone(tmp_path):
    with pytest.raises(CheckpointError, match=r'out\.pth: --int8'):
        convert_checkpoint(tmp_path / 'a.pth', tmp_path / 'out.pth', int8=True)


def test_a_calibration_stays_with_the_weights_it_is_of(tmp_path):
    report = convert_checkpoint(find_weights('flic-small4'), tmp_path / 'half.safetensors',
                                half=True)
    assert not report['calibration_dropped']
    expected = import_checkpoint(find_weights('flic-small4'))[1]['calibration']
    assert import_checkpoint(tmp_path / 'half.safetensors')[1]['calibration'] == expected
    for name, change in (('two', dict(stacks=2)), ('int8', dict(int8=True))):
        path = tmp_path / f'{name}.safetensors'
        report = convert_checkpoint(find_weights('flic-small4'), path, **change)
        assert report['calibration_dropped']
        assert import_checkpoint(path)[1]['calibration'] is None


def test_a_calibration_is_of_the_stage_that_predicted(tmp_path):
    """Also where every stack stays, and the last one predicts instead of the first."""
    source, description = tmp_path / 'first.safetensors', import_checkpoint(
        find_weights('flic-small4'))[1]['description']
    add_metadata(find_weights('flic-small4'), source, replace(description, stage=0).metadata())
    report = convert_checkpoint(source, tmp_path / 'last.safetensors', stacks=4)
    assert report['calibration_dropped'] and report['description'].stage == -1
    assert not convert_checkpoint(find_weights('flic-small4'), tmp_path / 'same.safetensors',
                                  stacks=4)['calibration_dropped']


@pytest.mark.parametrize('option', ['pixels', 'data'])
def test_an_option_that_is_not_known_is_refused(tmp_path, option):
    with pytest.raises(ConfigError, match=f"{option}='none': choose from"):
        convert_checkpoint(find_weights('flic-small'), tmp_path / 'a.pth', **{option: 'none'})


def test_metadata_are_written_to_a_file_of_the_same_kind(tmp_path):
    with pytest.raises(CheckpointError, match=r'a\.pth: name a \.safetensors file'):
        add_metadata(find_weights('flic-small'), tmp_path / 'a.pth', {})
    torch.save([1], tmp_path / 'list.pth')
    with pytest.raises(CheckpointError, match=r'list\.pth: holds no state dict'):
        add_metadata(tmp_path / 'list.pth', tmp_path / 'list.pth', {})


def test_metadata_are_added_to_a_state_dict_alone(tmp_path):
    torch.save({'backbone.x': torch.arange(3)}, tmp_path / 'a.pth')
    add_metadata(tmp_path / 'a.pth', tmp_path / 'a.pth', dict(note='new'))
    content = read_checkpoint(tmp_path / 'a.pth')
    assert content['meta'] == dict(note='new')
    assert torch.equal(state_dict(content, 'a.pth')['backbone.x'], torch.arange(3))


def test_metadata_leave_8_bits_and_names_of_keypoints_as_they_are(tmp_path):
    convert_checkpoint(find_weights('flic-small'), tmp_path / 'a.safetensors', int8=True)
    size = (tmp_path / 'a.safetensors').stat().st_size
    add_metadata(tmp_path / 'a.safetensors', tmp_path / 'a.safetensors', dict(note='new'))
    assert 0 < (tmp_path / 'a.safetensors').stat().st_size - size < 100
    meta = dict(dataset_meta=dict(sigmas=np.ones(3)))
    torch.save(to_plain(dict(state_dict={'x': torch.ones(2)}, meta=meta)), tmp_path / 'b.pth')
    add_metadata(tmp_path / 'b.pth', tmp_path / 'b.pth', dict(note='new'))
    plain = torch.load(tmp_path / 'b.pth', weights_only=True)
    assert torch.equal(plain['meta']['dataset_meta']['sigmas'], torch.ones(3, dtype=torch.float64))


def test_a_calibration_goes_with_other_pixels(tmp_path):
    own = import_checkpoint(find_weights('flic-small4'))[1]['pixels']
    for name, pixels in PIXELS.items():
        report = convert_checkpoint(find_weights('flic-small4'), tmp_path / f'{name}.safetensors',
                                    pixels=name)
        assert report['calibration_dropped'] == (pixels != own)
