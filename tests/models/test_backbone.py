"""The options that are not in the paper, and errors of one line."""
import pytest
import torch
from pairs import zip_equal

from hourglass import Residual, StackedHourglass
from hourglass.errors import ConfigError
from hourglass.models import network as paper
from hourglass.models.backbone import DepthwiseResidual
from hourglass.models.fuse import fuse
from hourglass.models.stages import up_to_stage


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
    for found, expected in zip_equal(ours(images()), theirs(images())):
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


@pytest.mark.parametrize('channels', [1, 4])
def test_images_have_as_many_channels_as_the_stem(channels):
    network, usual = tiny(in_channels=channels), tiny()
    assert {name for name, value in network.state_dict().items()
            if value.shape != usual.state_dict()[name].shape} == {'stem.0.weight'}
    several = images().mean(1, keepdim=True).repeat(1, channels, 1, 1)
    assert [tuple(output.shape) for output in network(several)] == [(2, 3, 8, 8)] * 2
    assert torch.allclose(network.eval()(several)[-1], fuse(network)(several)[-1], atol=1e-4)


@pytest.mark.parametrize('with_cp', [False, True])
def test_features_of_the_chosen_stacks_are_returned(with_cp):
    features = dict(num_stacks=3, num_keypoints=None)
    every, chosen = tiny(**features), tiny(**features, out_indices=(0, 2), with_cp=with_cp)
    found, expected = chosen(images()), every(images())
    assert chosen.num_stages == 2
    for output, stack in zip(found, (0, 2)):
        assert torch.equal(output, expected[stack])
    first, place = up_to_stage(chosen, 0)
    assert (first.num_stacks, first.num_stages, place) == (1, 1, -1)
    turned = tiny(**features, out_indices=(2, 0))
    assert len(up_to_stage(turned, 1)[0](images())) == 2


@pytest.mark.parametrize(('shape', 'message'), [
    ((2, 1, 32, 32), r'\(2, 1, 32, 32\); the network takes \(B, 3, H, W\), as its in_channels is'),
    ((3, 32, 32), r'shape \(3, 32, 32\); the network takes'),
    ((2, 4, 32, 32), r'\(2, 4, 32, 32\)')])
def test_images_of_another_shape_are_refused(shape, message):
    with pytest.raises(ConfigError, match=message):
        tiny()(torch.rand(shape))


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'num_stacks': 0}, 'num_stacks is 0'), ({'depth': -1}, 'depth is -1'),
    ({'num_keypoints': 0}, 'num_keypoints is 0'), ({'in_channels': 0}, 'in_channels is 0'),
    ({'channels': 31}, 'even number'),
    ({'stem_channels': (8, 16)}, 'three widths'), ({'stem_channels': (8, 1, 16)}, '2 or more'),
    ({'stem_channels': (0, 16, 16)}, '2 or more'),
    ({'residual': 'depth-wise'}, "give bottleneck or depthwise, did you mean 'depthwise'")])
def test_impossible_sizes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny(**arguments)


@pytest.mark.parametrize(('options', 'moving', 'counting'), [
    (dict(), {'stem', 'hourglasses.0', 'features.0', 'heatmaps.0', 'reinjects.0', 'hourglasses.1',
              'features.1', 'heatmaps.1'}, {'stem', 'hourglasses.0', 'features.0', 'hourglasses.1',
                                            'features.1'}),
    (dict(frozen_stages=0), {'hourglasses.0', 'features.0', 'heatmaps.0', 'reinjects.0',
                             'hourglasses.1', 'features.1', 'heatmaps.1'},
     {'hourglasses.0', 'features.0', 'hourglasses.1', 'features.1'}),
    (dict(frozen_stages=1), {'reinjects.0', 'hourglasses.1', 'features.1', 'heatmaps.1'},
     {'hourglasses.1', 'features.1'}),
    (dict(frozen_stages=1, with_cp=True),
     {'reinjects.0', 'hourglasses.1', 'features.1', 'heatmaps.1'},
     {'hourglasses.1', 'features.1'}),
    (dict(frozen_stages=2), set(), set()),
    (dict(frozen_stages=0, norm_eval=True),
     {'hourglasses.0', 'features.0', 'heatmaps.0', 'reinjects.0', 'hourglasses.1', 'features.1',
      'heatmaps.1'}, set()),
])
def test_frozen_stages_keep_weights_and_statistics(options, moving, counting):
    """Through a step of AdamW, whose weight decay moves every weight that has a gradient."""
    network = tiny(**options).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.5)
    loss = sum(output.square().sum() for output in network(images()))
    if moving:
        loss.backward()
    optimizer.step()

    def parts(names) -> set[str]:
        return {name.split('.')[0] if name.startswith('stem') else '.'.join(name.split('.')[:2])
                for name in names}
    changed = {name for name, value in network.state_dict().items()
               if not torch.equal(value, before[name])}
    statistics = {name for name in changed if 'running' in name or 'num_batches' in name}
    assert parts(changed - statistics) == moving
    assert parts(statistics) == counting


def test_a_frozen_network_is_cut_to_its_first_stages():
    network, _ = up_to_stage(tiny(frozen_stages=2), 0)
    assert len(network.eval()(images())) == 1
    assert not network.train().stem.training


@pytest.mark.parametrize(('options', 'message'), [
    (dict(out_indices=(0, 1)), 'out_indices is for features, with num_keypoints=None; the head'),
    (dict(out_indices=(0,), num_keypoints=None), r'out_indices is \(0,\): give stacks'),
    (dict(out_indices=(1, 2), num_keypoints=None), 'give stacks from 0 to 1, the last of them'),
    (dict(frozen_stages=3), 'frozen_stages is 3: give -1 for none, 0 for the stem, or up to 2'),
    (dict(num_stacks='2'), "num_stacks is '2': give a whole number, 1 or more"),
    (dict(channels=8.0), 'channels is 8.0: give a whole number')])
def test_options_that_are_no_number_of_stages_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        tiny(**options)


def test_mmengine_initialises_the_network_once():
    network = tiny(init_cfg=dict(type='Constant', val=0.25, layer='Conv2d'))
    network.init_weights()
    assert all((conv.weight == 0.25).all() for conv in network.modules()
               if isinstance(conv, torch.nn.Conv2d))
    torch.nn.init.zeros_(network.stem[0].weight)            # as a checkpoint of the whole would
    network.init_weights()
    assert not network.stem[0].weight.any()
