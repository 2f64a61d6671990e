"""Training throughput: what is timed is a training step of the config's network."""
import pytest
import torch
from conftest import COUNTS_MACS
from mmengine.config import Config
from pairs import zip_equal
from tiny_network import write_tiny_network

from hourglass.analysis import training_speed as speed
from hourglass.errors import ConfigError


@pytest.fixture(scope='module')
def tiny(tmp_path_factory) -> str:
    return str(write_tiny_network(tmp_path_factory.mktemp('tiny'))[0])


@pytest.mark.parametrize('way', ['fp32', 'bf16'])
def test_a_step_trains_every_weight(tiny, monkeypatch, way):
    built = []

    def build(cfg: Config, original=speed.build_estimator) -> torch.nn.Module:
        built.append(original(cfg))
        return built[0]

    monkeypatch.setattr(speed, 'build_estimator', build)
    step = speed._step(Config.fromfile(tiny), speed.WAYS[way], batch_size=2)
    before = [parameter.detach().clone() for parameter in built[0].parameters()]
    step()
    assert not any(torch.equal(old, new)
                   for old, new in zip_equal(before, built[0].parameters()))


@COUNTS_MACS
def test_images_and_operations_are_counted_together(tiny):
    found = speed.training_speed(tiny, 'fp32', batch_size=2, seconds=0.01)
    _, macs = speed.size_of(Config.fromfile(tiny))
    assert found.images_per_second > 0
    assert found.teraflops == pytest.approx(6e-12 * macs * found.images_per_second)
    assert f'{found.images_per_second:.1f}' in speed.table([found])


@pytest.mark.skipif(torch.cuda.is_available(), reason='the message is for machines without CUDA')
def test_a_graph_needs_cuda(tiny):
    with pytest.raises(ConfigError, match='bf16-graph'):
        speed.training_speed(tiny, 'bf16-graph', batch_size=2, seconds=1)
