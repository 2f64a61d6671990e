"""The network is the paper's: sizes, re-injection, supervision, errors."""
import pytest
import torch

from hourglass.models.backbone import DepthwiseResidual
from hourglass.models.network import Hourglass, Residual, StackedHourglass


def tiny(**changes) -> StackedHourglass:
    torch.manual_seed(0)
    return StackedHourglass(**{'num_stacks': 2, 'channels': 16, 'num_keypoints': 3, 'depth': 2,
                               'stem_channels': (4, 8, 8)} | changes)


def images(height: int = 32, width: int = 32, batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(('stacks', 'parameters'), [(1, 3_426_448), (2, 6_570_400),
                                                    (8, 25_434_112)])
def test_parameter_counts_are_the_papers(stacks, parameters):
    with torch.device('meta'):
        network = StackedHourglass(num_stacks=stacks)
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_four_stacks_of_128_features_have_3_33_million():
    with torch.device('meta'):
        network = StackedHourglass(num_stacks=4, channels=128)
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == 3.33


def test_an_hourglass_of_four_levels_has_13_residual_modules():
    hourglass = Hourglass(channels=16, depth=4, blocks=1)
    assert sum(isinstance(m, Residual) for m in hourglass.modules()) == 13


def test_one_heatmap_per_stack_at_a_quarter_of_the_size():
    outputs = tiny(num_stacks=3)(images(32, 64))
    assert [tuple(o.shape) for o in outputs] == [(2, 3, 8, 16)] * 3


def test_without_keypoints_the_outputs_are_features():
    network = tiny(num_keypoints=None)
    assert [tuple(o.shape) for o in network(images())] == [(2, 16, 8, 8)] * 2
    assert not any('heatmaps' in name for name, _ in network.named_parameters())


def test_zeroing_the_heatmap_reinjection_leaves_stack_0_and_changes_stack_1():
    network = tiny().eval()
    before = network(images())
    torch.nn.init.zeros_(network.reinjects[0].heatmaps.weight)
    after = network(images())
    assert torch.equal(before[0], after[0])
    assert not torch.allclose(before[1], after[1], atol=1e-6)


def test_a_loss_on_the_last_stack_reaches_the_first_prediction():
    network = tiny()
    network(images())[-1].square().mean().backward()
    assert network.heatmaps[0].weight.grad.abs().max() > 0


@pytest.mark.parametrize('changes', [{}, {'num_keypoints': None}, {'residual': DepthwiseResidual}],
                         ids=str)
def test_a_loss_on_all_stacks_reaches_every_parameter(changes):
    network = tiny(blocks_per_scale=2, **changes)
    sum(output.square().mean() for output in network(images())).backward()
    # a BatchNorm takes out again what the bias of the convolution in front of it adds
    before_norm = {f'{name}.{index}.bias' for name, row in network.named_modules()
                   if isinstance(row, torch.nn.Sequential)
                   for index, (part, following) in enumerate(zip(row, row[1:]))
                   if isinstance(part, torch.nn.Conv2d)
                   and isinstance(following, torch.nn.BatchNorm2d)}
    untouched = {name for name, p in network.named_parameters()
                 if p.grad is None or not p.grad.abs().max() > 0}
    assert untouched <= before_norm
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize(('changes', 'weight', 'shape'), [
    ({'blocks_per_scale': 3}, 'hourglasses.0.skip.2.branch.2.weight', (8, 16, 1, 1)),
    ({'depth': 3}, 'hourglasses.0.inner.inner.skip.0.branch.2.weight', (8, 16, 1, 1)),
    ({'channels': 32}, 'features.1.1.weight', (32, 32, 1, 1)),
    ({'stem_channels': (6, 10, 14)}, 'stem.6.skip.weight', (16, 14, 1, 1)),
])
def test_every_size_is_an_argument(changes, weight, shape):
    network = tiny(**changes)
    assert tuple(network.state_dict()[weight].shape) == shape
    assert len(network(images())) == 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
def test_the_gpu_gives_what_the_cpu_gives():
    network = tiny().eval()
    torch.backends.cudnn.allow_tf32 = False
    expected = network(images())[-1]
    found = network.cuda()(images().cuda())[-1].cpu()
    assert torch.allclose(found, expected, atol=1e-5 * expected.abs().max())
