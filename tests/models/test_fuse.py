"""A fused network gives the last output of the network, and leaves that as it is."""
import copy

import pytest
import torch
from tiny_network import as_if_trained
from torch import nn

from hourglass import StackedHourglass
from hourglass.errors import ConfigError
from hourglass.models.fuse import clamped, fuse
from hourglass.models.long_hourglass import LongHourglass

# float32 has 6e-8 a number; a hundred layers of sums leave some ten times that
ROUNDING = 5e-6


@pytest.mark.parametrize('options', [
    dict(num_stacks=3, channels=32), dict(num_stacks=1, channels=16, depth=1),
    dict(num_stacks=2, channels=24, blocks_per_scale=2, num_keypoints=3, stem_channels=(8, 8, 24)),
    dict(num_stacks=2, channels=16, num_keypoints=None)],
    ids=['stacks', 'one', 'blocks', 'features'])
@torch.no_grad()
def test_outputs_are_those_of_the_last_stack(options):
    network = as_if_trained(StackedHourglass(**options))
    images = torch.randn(1, 3, 64, 128)
    before = copy.deepcopy(network.state_dict())
    expected = network(images)[-1]
    fast = fuse(network)
    for given in (images, images.to(memory_format=torch.channels_last)):
        found = fast(given)
        assert len(found) == 1
        assert (found[0] - expected).abs().max() < ROUNDING * expected.abs().max()
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in before.items())


def test_it_has_no_batch_norm_and_shares_no_weights():
    network = as_if_trained(StackedHourglass(num_stacks=2, channels=8, depth=1))
    fast = fuse(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    own = {p.data_ptr() for p in network.parameters()}
    assert not own & {p.data_ptr() for p in fast.parameters()}


@torch.no_grad()
def test_a_clamp_stands_for_batch_norm_and_relu_with_any_scales():
    norm, conv = nn.BatchNorm2d(6).eval(), nn.Conv2d(6, 4, 1)
    norm.weight.copy_(torch.tensor([2, -2, 0, 0, 1e-6, -1e-6]))
    norm.bias.copy_(torch.tensor([1, 1, 1, -1, 0.5, -0.5]))
    x = 10 * torch.randn(2, 6, 8, 8)
    clamp, after = clamped(norm, conv)
    torch.testing.assert_close(after(clamp(x)), conv(norm(x).relu()), rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize('scale', [1e-30, 1e-39, 7e-41])
def test_a_channel_that_training_shrank_to_almost_nothing_is_its_shift(scale):
    norm, conv = nn.BatchNorm2d(2).eval(), nn.Conv2d(2, 3, 1)
    norm.weight.fill_(scale)
    norm.bias.copy_(torch.tensor([-0.5, 0.5]))
    x = torch.randn(1, 2, 8, 8)
    clamp, after = clamped(norm, conv)
    torch.testing.assert_close(after(clamp(x)), conv(norm(x).relu()), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_trained_weights_that_do_not_follow_are_copies():
    network = as_if_trained(StackedHourglass(num_stacks=1, channels=8, depth=1))
    images = torch.randn(1, 3, 64, 64)
    fast = fuse(network)
    expected = fast(images)[0].clone()
    for parameter in network.parameters():
        parameter.zero_()
    assert torch.equal(fast(images)[0], expected)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match='LongHourglass'):
        fuse(LongHourglass(channels=8, depth=1))
    with pytest.raises(ConfigError, match='96x100'):
        fuse(StackedHourglass(num_stacks=1, channels=8))(torch.zeros(1, 3, 100, 96))
    for options in (dict(affine=False), dict(track_running_stats=False)):
        with pytest.raises(ConfigError, match='BatchNorm2d without weights or running statistics'):
            fuse(StackedHourglass(num_stacks=1, channels=8, norm_cfg=dict(type='BN', **options)))
