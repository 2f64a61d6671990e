"""Other normalisations and activations stand where the paper's do, and train."""
import pytest
import torch
from torch import Tensor, nn

from hourglass import StackedHourglass
from hourglass.deploy.runtimes import fastest
from hourglass.errors import ConfigError
from hourglass.models.fuse import fuse


def tiny(**options) -> StackedHourglass:
    torch.manual_seed(0)
    return StackedHourglass(num_stacks=2, channels=16, num_keypoints=3, depth=2,
                            stem_channels=(4, 8, 8), **options)


def images() -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(('options', 'kind', 'others'), [
    (dict(norm_cfg=dict(type='GN', num_groups=2)), nn.GroupNorm, nn.BatchNorm2d),
    (dict(norm_cfg=dict(type='SyncBN', momentum=0.2)), nn.SyncBatchNorm, nn.BatchNorm2d),
    (dict(norm_cfg=dict(type='BN', eps=1e-3)), nn.BatchNorm2d, nn.GroupNorm),
    *((dict(act_cfg=dict(type=name)), getattr(nn, name), nn.ReLU)
      for name in ('LeakyReLU', 'PReLU', 'ELU', 'GELU', 'SiLU', 'Mish'))])
@pytest.mark.parametrize('with_cp', [False, True])
def test_layers_are_replaced_and_all_weights_learn(options, kind, others, with_cp):
    network = tiny(with_cp=with_cp, **options)
    usual = tiny()
    wanted = nn.ReLU if 'act_cfg' in options else nn.BatchNorm2d
    assert [name for name, layer in network.named_modules() if isinstance(layer, kind)] == [
        name for name, layer in usual.named_modules() if isinstance(layer, wanted)]
    assert not any(isinstance(layer, others) for layer in network.modules())
    sum(output.square().mean() for output in network(images())).backward()
    assert all(parameter.grad.any() for parameter in network.parameters() if parameter.ndim == 4)


def test_names_and_initial_weights_stay():
    usual = tiny().state_dict()
    groups = tiny(norm_cfg=dict(type='GN', num_groups=2), act_cfg=dict(type='GELU')).state_dict()
    assert groups.keys() == {name for name in usual if name.split('.')[-1] not in (
        'running_mean', 'running_var', 'num_batches_tracked')}
    assert all(torch.equal(value, usual[name]) for name, value in groups.items())


def test_options_reach_the_layers():
    network = tiny(norm_cfg=dict(type='BN', eps=1e-3, requires_grad=False), norm_eval=True,
                   act_cfg=dict(type='LeakyReLU', negative_slope=0.2))
    norm, activation = network.stem[1:3]
    assert (norm.eps, norm.weight.requires_grad, activation.negative_slope) == (1e-3, False, 0.2)
    assert network.stem[0].weight.requires_grad


@pytest.mark.parametrize(('options', 'message'), [
    (dict(norm_cfg=dict(type='IN')), "'IN': give BN, SyncBN, GN; others need more pixels"),
    (dict(norm_cfg=dict(num_groups=2)), 'norm_cfg.type is None'),
    (dict(norm_cfg=dict(type='GN', num_groups=3)), 'for 4 channels: num_channels .*must be div'),
    (dict(norm_cfg=dict(type='BN', epz=1)), "keyword argument 'epz'"),
    (dict(norm_cfg=dict(type='BN', requires_grad=False)), 'leaves the running statistics moving'),
    (dict(act_cfg=dict(type='Sigmoid')), "'Sigmoid': give ReLU, .*, Mish; a bounded one"),
    (dict(act_cfg=dict(type='GELU', inplace=True)), "act_cfg={'type': 'GELU', .* 'inplace'")])
def test_layers_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        tiny(**options)


@pytest.mark.parametrize(('options', 'layer'), [
    (dict(norm_cfg=dict(type='GN', num_groups=2)), 'GroupNorm'),
    (dict(act_cfg=dict(type='LeakyReLU')), 'LeakyReLU')])
def test_what_cannot_be_fused_is_run_as_it_is(options, layer):
    network = tiny(**options).eval()
    with pytest.raises(ConfigError, match=f'and the network has {layer}'):
        fuse(network)
    assert fastest(network, torch.rand(1, 3, 32, 32))[0] == 'none'


def test_synchronised_statistics_are_fused():
    network = tiny(norm_cfg=dict(type='SyncBN')).eval()
    assert torch.allclose(fuse(network)(images())[-1], network(images())[-1], atol=1e-4)
