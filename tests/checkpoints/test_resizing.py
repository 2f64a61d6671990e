"""A widened network and the first stacks of one compute what they did; copies learn apart."""
import json

import pytest
import torch
from family_tensors import tensors_of
from pairs import zip_equal
from safetensors import safe_open

from hourglass.checkpoints import import_checkpoint
from hourglass.checkpoints.convert import add_metadata, convert_checkpoint
from hourglass.checkpoints.names import DETECTOR, find_weights
from hourglass.checkpoints.resizing import widened
from hourglass.errors import CheckpointError, ConfigError
from hourglass.inference.center_detector import HourglassDetector
from hourglass.models.backbone import StackedHourglass

SIZES = dict(num_stacks=2, channels=8, num_keypoints=4, depth=2, stem_channels=(4, 4, 8))


@pytest.mark.parametrize('factor, channels, stem', [(2, 16, (8, 8, 16)), (1.5, 12, (6, 6, 12))])
@pytest.mark.parametrize('options', [{}, dict(residual='depthwise'), dict(num_keypoints=None)])
def test_more_features_give_the_same_outputs(factor, channels, stem, options):
    torch.manual_seed(0)
    network = StackedHourglass(**SIZES | options)
    images = torch.rand(3, 3, 32, 32)
    network(images)                                         # statistics other than 0 and 1
    wide, sizes = widened(network.eval(), SIZES | options, factor)
    assert (sizes['channels'], sizes['stem_channels']) == (channels, stem)
    with torch.no_grad():
        for ours, theirs in zip_equal(wide(images), network(images)):
            theirs = torch.cat([theirs, theirs], 1)[:, :ours.shape[1]]
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_the_copies_of_a_feature_have_different_gradients():
    wide, _ = widened(StackedHourglass(**SIZES).eval(), SIZES)
    wide(torch.rand(2, 3, 32, 32))[-1].square().sum().backward()
    first = wide.features[0][1]                             # a convolution: 16 features to 16
    assert not torch.allclose(first.weight.grad[:8], first.weight.grad[8:])


def test_the_command_writes_it(cli, tmp_path):
    tensors, network = tensors_of('hourglass')
    torch.save(tensors, tmp_path / 'narrow.pth')
    cli('convert', tmp_path / 'narrow.pth', tmp_path / 'wide.safetensors', '--widen')
    wide, report = import_checkpoint(tmp_path / 'wide.safetensors')
    images = torch.rand(1, 3, 64, 64)
    assert report['config']['channels'] == 2 * network.channels
    with torch.no_grad():
        torch.testing.assert_close(
            wide(images)[-1], network.eval()(images)[-1], rtol=1e-4, atol=1e-5)


def test_first_stacks_are_written_that_compute_what_they_did(cli, tmp_path):
    tensors, network = tensors_of('hourglass')
    torch.save(tensors, tmp_path / 'all.pth')
    cli('convert', tmp_path / 'all.pth', tmp_path / 'first.safetensors', '--stacks', 1)
    first, report = import_checkpoint(tmp_path / 'first.safetensors')
    images = torch.rand(1, 3, 64, 64)
    assert report['config']['num_stacks'] == 1 < network.num_stacks
    with torch.no_grad():
        output, = first(images)
        torch.testing.assert_close(output, network.eval()(images)[0])
    with pytest.raises(ConfigError, match=f'stacks=9: the network has {network.num_stacks} stacks'):
        convert_checkpoint(tmp_path / 'all.pth', tmp_path / 'none.pth', stacks=9)


def test_the_last_of_the_first_stacks_predicts(tmp_path):
    """A checkpoint that predicted from its third stack, of which two are kept."""
    whole = find_weights('flic-small4')
    with safe_open(whole, 'pt') as file:
        description = json.loads(file.metadata()['description'])
    add_metadata(whole, tmp_path / 'third.safetensors',
                 dict(description=json.dumps(description | dict(stage=2))))
    report = convert_checkpoint(tmp_path / 'third.safetensors', tmp_path / 'two.pth', stacks=2)
    assert import_checkpoint(tmp_path / 'third.safetensors')[1]['description'].stage == 2
    assert report['description'].stage == -1


@torch.no_grad()
def test_a_wider_detector_gives_the_same_maps(cli, tmp_path):
    cli('convert', DETECTOR, tmp_path / 'wide.safetensors', '--widen', 1.5)
    narrow, wide = (HourglassDetector(path, torch.device('cpu'))
                    for path in (DETECTOR, tmp_path / 'wide.safetensors'))
    assert wide.maps.in_channels == 1.5 * narrow.maps.in_channels
    assert wide.longer_side == narrow.longer_side
    images = torch.rand(1, 3, 128, 128)
    found, expected = (one.maps(one.network(images)[-1]) for one in (wide, narrow))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_a_factor_need_not_be_a_float_without_error():
    sizes = SIZES | dict(channels=100, stem_channels=(20, 40, 40))
    assert 1.1 * 100 != 110
    assert widened(StackedHourglass(**sizes).eval(), sizes, 1.1)[1]['channels'] == 110


@pytest.mark.parametrize('factor, message', [
    (1, 'give a factor above 1 and up to 2'), (2.5, 'give a factor above 1 and up to 2'),
    (1.25, r'a layer would have \[10.0, 5.0, 5.0, 10.0\] features')])
def test_a_factor_that_does_not_suit_raises(factor, message):
    with pytest.raises(ConfigError, match=message):
        widened(StackedHourglass(**SIZES).eval(), SIZES, factor)


def test_a_detector_keeps_its_stacks(tmp_path):
    with pytest.raises(CheckpointError, match='a detector, which keeps its stacks'):
        convert_checkpoint(DETECTOR, tmp_path / 'none.pth', stacks=1)


def test_the_split_is_that_of_the_seed():
    network = StackedHourglass(**SIZES).eval()
    first, again, other = (
        widened(network, SIZES, seed=seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not all(torch.equal(value, other[name]) for name, value in first.items())
