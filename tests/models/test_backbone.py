"""The options that are not in the paper, and errors of one line."""
import pytest
import torch

from hourglass import Residual, StackedHourglass
from hourglass.models import network as paper
from hourglass.models.backbone import DepthwiseResidual


def tiny(**changes) -> StackedHourglass:
    torch.manual_seed(0)
    return StackedHourglass(**{'num_stacks': 2, 'channels': 16, 'num_keypoints': 3, 'depth': 2,
                               'stem_channels': (4, 8, 8)} | changes)


def images(height: int = 32, width: int = 32, batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


def test_without_options_it_is_the_papers_network():
    ours = tiny().eval()
    torch.manual_seed(0)
    theirs = paper.StackedHourglass(2, 16, 3, 2, stem_channels=(4, 8, 8)).eval()
    for found, expected in zip(ours(images()), theirs(images()), strict=True):
        assert torch.equal(found, expected)
    assert ours.num_stacks == 2


def test_depthwise_residuals_have_the_same_names_but_for_the_3x3_convolution():
    names, separable = (set(tiny(residual=kind).state_dict()) for kind in (
        'bottleneck', 'depthwise'))
    assert {name for name in names - separable} == {
        name for name in names if '.branch.5.' in name}
    assert separable - names == {name.replace('branch.5.', f'branch.5.{part}.')
                                 for name in names - separable for part in '01'
                                 if part == '1' or name.endswith('weight')}


def test_a_depthwise_residual_is_a_3x3_filter_per_channel_and_a_mix():
    network = tiny(residual='depthwise')
    separable = network.features[0][0][0].branch[5]
    assert [tuple(part.weight.shape) for part in separable] == [(8, 1, 3, 3), (8, 8, 1, 1)]
    x = images()[:, :1].repeat(1, 8, 1, 1) * torch.arange(8).view(-1, 1, 1)
    full = torch.nn.Conv2d(8, 8, 3, padding=1)
    with torch.no_grad():                   # the full filter that the two make together
        full.weight.copy_(separable[1].weight * separable[0].weight[:, 0])
        full.bias.copy_(separable[1].bias)
    assert torch.allclose(separable(x), full(x), atol=1e-5)


def test_depthwise_residuals_have_two_fifths_of_the_parameters():
    with torch.device('meta'):
        network = StackedHourglass(residual='depthwise')
        parts = [Residual(256, 256), DepthwiseResidual(256, 256)]
    counts = [sum(p.numel() for p in part.parameters()) for part in (network, *parts)]
    assert counts == [10_688_768, 214_528, 84_608]


def test_predictions_can_start_empty():
    usual, empty = (torch.stack(tiny(heatmap_std=std)(images())).abs().mean().item()
                    for std in (None, 0.001))
    assert usual > 0.1
    assert 0 < empty < 0.01


def test_a_size_that_does_not_divide_says_which_would():
    with pytest.raises(ValueError, match=r'100x64 .* multiples of 16, for example 96x64'):
        tiny()(images(height=64, width=100))


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'num_stacks': 0}, 'num_stacks is 0'), ({'depth': -1}, 'depth is -1'),
    ({'num_keypoints': 0}, 'num_keypoints is 0'),
    ({'channels': 31}, 'even number'),
    ({'residual': 'depth-wise'}, "give bottleneck or depthwise, did you mean 'depthwise'")])
def test_impossible_sizes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny(**arguments)
