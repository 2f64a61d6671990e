"""Every runtime gives the numbers of the network, or refuses it by name."""
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from children import run
from tiny_network import as_if_trained

from hourglass import StackedHourglass
from hourglass.deploy.runtimes import (
    EXPORTER,
    ROUNDING,
    RUNTIMES,
    deviation,
    fastest,
    older_torch,
    run_by,
    take_turns,
    to_onnx,
    traced,
)
from hourglass.errors import ConfigError
from hourglass.models.long_hourglass import LongHourglass

NETWORKS = dict(
    stacks=dict(num_stacks=3, channels=32, depth=2), one=dict(num_stacks=1, channels=16, depth=1),
    blocks=dict(num_stacks=2, channels=16, depth=2, blocks_per_scale=2, num_keypoints=3),
    features=dict(num_stacks=2, channels=16, depth=2, num_keypoints=None))
SLOW_TO_START = ('onnxruntime', 'openvino', 'compile')


def network_of(name: str) -> StackedHourglass:
    return as_if_trained(StackedHourglass(**NETWORKS[name]))


def needs(name: str) -> None:
    if missing := RUNTIMES[name].missing():
        pytest.skip(missing)


@pytest.mark.parametrize(('name', 'network'), [
    *((name, network) for name in RUNTIMES if name not in SLOW_TO_START for network in NETWORKS),
    *(pytest.param(name, 'one', marks=pytest.mark.slow) for name in SLOW_TO_START)])
@torch.no_grad()
def test_the_last_output_is_the_networks(name, network):
    needs(name)
    network = network_of(network)
    images = torch.randn(3, 3, 64, 128)
    expected = network(images)[-1]
    run = run_by(name, network, (128, 64))
    for given in (images, images[:1].to(memory_format=torch.channels_last)):
        found = run(given)[0]
        assert found.dtype == torch.float32
        if name == 'bf16':      # 8 bits are 0.004, some forty layers round: 0.004 * 40**0.5
            off = found - expected[:len(given)]
            assert off.square().mean().sqrt() < 0.04 * expected.square().mean().sqrt()
        else:
            assert deviation(found, expected[:len(given)]) < ROUNDING


@pytest.mark.parametrize('name', [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW_TO_START else ())
    for name in RUNTIMES if name not in ('compile', 'bf16')])
def test_threads_may_share_a_network(name):
    needs(name)
    run, images = run_by(name, network_of('one'), (128, 64)), torch.randn(200, 1, 3, 64, 128)

    @torch.no_grad()
    def heatmaps_of(image):
        return run(image)[0]
    expected = list(map(heatmaps_of, images))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(heatmaps_of, images))
    assert max(map(deviation, found, expected)) < ROUNDING


TWO_NETWORKS_END = """
import signal
from hourglass import StackedHourglass
from hourglass.deploy.runtimes import run_by
network = StackedHourglass(num_stacks=1, channels=16, depth=1, num_keypoints=16).eval()
networks = [run_by('openvino', network, (64, 64)) for _ in range(2)]
while networks:
    del networks[0]
signal.signal(signal.SIGTERM, lambda *_: print('handled'))
signal.raise_signal(signal.SIGTERM)
"""


@pytest.mark.slow
def test_signals_are_handled_when_networks_of_openvino_have_ended():
    needs('openvino')
    ended = run([sys.executable, '-c', TWO_NETWORKS_END])
    assert (ended.returncode, ended.stdout) == (0, 'handled\n'), ended.stderr


@torch.no_grad()
def test_ncnn_refuses_a_size_that_the_network_refuses():
    needs('ncnn')
    with pytest.raises(ConfigError, match='100x64'):
        run_by('ncnn', network_of('stacks'), (64, 64))(torch.zeros(1, 3, 64, 100))


def test_the_fastest_is_one_of_those_measured():
    network = network_of('stacks')
    name, seconds, run = fastest(network, torch.rand(1, 3, 64, 64))
    assert name == min(seconds, key=seconds.get) and {'none', 'fuse'} <= set(seconds)
    assert ('ncnn' in seconds) == (not RUNTIMES['ncnn'].missing())
    with torch.no_grad():
        images = torch.randn(1, 3, 64, 64)
        assert deviation(run(images)[0], network(images)[-1]) < ROUNDING


def test_the_fastest_is_never_one_that_is_wrong(monkeypatch):
    class Wrong(torch.nn.Module):
        def forward(self, images):
            return (torch.zeros(len(images), 16, 16, 16),)

    class NotANumber(Wrong):
        def forward(self, images):
            return (super().forward(images)[0] / 0,)
    monkeypatch.setattr(RUNTIMES['fuse'], 'build', lambda network, size: Wrong())
    monkeypatch.setattr(RUNTIMES['ncnn'], 'build', lambda network, size: NotANumber())
    monkeypatch.setattr(RUNTIMES['ncnn'], 'packages', ())
    images = torch.rand(1, 3, 64, 64)
    assert list(fastest(network_of('stacks'), images)[1]) == ['none']
    assert fastest(LongHourglass(channels=8, depth=1).eval(), images)[0] == 'none'


@pytest.mark.parametrize(('name', 'words'), [
    ('ncnm', 'choose from auto, none'), ('bf16', 'exit_tolerance'), ('ncnn', 'pip install')])
def test_a_runtime_that_cannot_be_used_is_refused_by_name(name, words, monkeypatch):
    monkeypatch.setattr(RUNTIMES['ncnn'], 'packages', ('no_such_package',))
    with pytest.raises(ConfigError, match=words) as refused:
        run_by(name, network_of('one'), (64, 64), exit_tolerance=1)
    assert f"optimize='{name}'" in str(refused.value) and '\n' not in str(refused.value)


def test_a_compiler_that_fails_is_named(monkeypatch):
    needs('compile')

    def compiled(self):
        self.register_forward_pre_hook(lambda *_: 1 / 0)
    monkeypatch.setattr(torch.nn.Module, 'compile', compiled)
    with pytest.raises(ConfigError, match="optimize='compile': ZeroDivisionError: .*compiler"):
        run_by('compile', network_of('one'), (64, 64))


@pytest.mark.parametrize('name', ['fuse', 'ncnn'])
def test_another_kind_of_network_is_refused(name):
    needs(name)
    with pytest.raises(ConfigError, match='LongHourglass'):
        run_by(name, LongHourglass(channels=8, depth=1), (64, 64))


def test_calls_take_turns():
    order = []
    seconds = take_turns([lambda name=name: order.append(name) for name in 'ab'], rounds=3)
    assert order == list('abababab')                    # the first round warms up
    assert [len(times) for times in seconds] == [3, 3]


NEEDS_EXPORTER = pytest.mark.skipif(bool(older_torch(EXPORTER)),
                                    reason=older_torch(EXPORTER))


class Double(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return 2 * x, x.amax((1, 2))


@NEEDS_EXPORTER
def test_a_program_takes_batches_of_another_size():
    program = traced(Double(), torch.zeros(2, 3, 4)).module()
    for size in (1, 5):
        x = torch.rand(size, 3, 4)
        doubled, largest = program(x)
        assert torch.equal(doubled, 2 * x) and torch.equal(largest, x.amax((1, 2)))


@NEEDS_EXPORTER
@pytest.mark.slow                       # a quarter of a minute to import the exporter
def test_onnx_has_the_given_names_and_any_batch_size():
    onnxruntime = pytest.importorskip('onnxruntime')
    program = to_onnx(Double(), torch.zeros(2, 3, 4), 'x', ['doubled', 'largest'], opset=18)
    assert program.model.opset_imports[''] == 18
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    assert session.get_inputs()[0].shape == ['batch', 3, 4]
    x = torch.rand(5, 3, 4)
    doubled, largest = session.run(['doubled', 'largest'], {'x': x.numpy()})
    assert (doubled == 2 * x.numpy()).all() and (largest == x.amax((1, 2)).numpy()).all()
