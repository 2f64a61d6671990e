"""Runtimes for a trained network: torch in several ways, or a library made for predicting.

Each runtime is a module from images (B, 3, H, W) to a tuple of one tensor, the output of the
network's last stack, as :func:`hourglass.models.fuse.fuse` returns it. All but ``bf16`` compute in
float32 and differ from the network only by rounding.
"""
from __future__ import annotations

import logging
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from hourglass.deploy.early_exit import Agreement, EarlyExit
from hourglass.deploy.ncnn_graph import INPUT, OUTPUT, ncnn_graph
from hourglass.errors import ConfigError, did_you_mean, words_of
from hourglass.inference.network import PoseNetwork
from hourglass.inference.onnx_detectors import session_options
from hourglass.models.backbone import StackedHourglass, check_input
from hourglass.models.fuse import fuse, unfusable

ROUNDING = 1e-4         # largest deviation of an exact runtime, as a fraction of the largest value
EXPORTER = '2.6'        # the first torch whose exporters take a traced module with any batch size


@dataclass
class Runtime:
    """A way to run a network."""

    # makes the module from a network and its input size (w, h) in px
    build: Callable[[Any, tuple[int, int]], nn.Module]
    packages: tuple[str, ...] = ()                      # those that it needs
    torch: str = '2.0'                                  # its first release that can do this
    devices: tuple[str, ...] = ('cpu', 'cuda')          # types of the devices that it runs on
    tried: bool = False                 # by 'auto': it is exact and starts within seconds
    # makes the module with early exit from a network and a tolerance
    build_exit: Callable[[Any, float], nn.Module] | None = None

    def missing(self) -> str:
        """Return which packages are not installed or too old, in words; empty if none is."""
        return older_torch(self.torch) or missing_packages(*self.packages)


def missing_packages(*names: str) -> str:
    """Return in words which packages are not installed; empty if all are."""
    missing = [name for name in names if find_spec(name) is None]
    return (f"needs {', '.join(missing)}, which is not installed: pip install {' '.join(missing)}"
            if missing else '')


def older_torch(release: str) -> str:
    """Return in words that torch is older than a release; empty if it is not."""
    return (f'needs torch {release} or later, and {torch.__version__} is installed'
            if torch.__version__ < release else '')


class LastOutput(nn.Module):
    """A network, or a function that computes its outputs, with only the last output."""

    def __init__(self, network: Callable[[Tensor], Sequence[Tensor]]):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.network(images)[-1],)


class FirstOutputs(nn.Module):
    """A network with only its first ``count`` outputs."""

    def __init__(self, network: nn.Module, count: int):
        super().__init__()
        self.network, self.count = network, count

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(images)[:self.count])


class InBFloat16(LastOutput):
    """A network in bfloat16.

    Its eight bits of precision move heatmaps by some 1e-2 of their largest value. It is slow on
    processors without bfloat16.
    """

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (super().forward(images.bfloat16())[0].float(),)


class NcnnNetwork(nn.Module):
    """The network in ncnn, image by image, with the number of threads that torch has now.

    ``exit_tolerance`` and ``left`` are as in :class:`hourglass.deploy.early_exit.EarlyExit`.
    """

    def __init__(self, network: StackedHourglass, exit_tolerance: float | None = None):
        super().__init__()
        self.depth, self.in_channels = network.depth, network.in_channels
        self.last, self.left = network.num_stacks - 1, Counter[int]()
        self.agree = None if exit_tolerance is None else Agreement(network, exit_tolerance)
        layers, weights = ncnn_graph(network, every_stage=self.agree is not None)
        with TemporaryDirectory() as folder:    # in memory, the bytes would have to outlive the net
            graph = Path(folder, 'graph.param')
            graph.write_text(layers)
            graph.with_suffix('.bin').write_bytes(weights)
            self.net = _ncnn_net(graph)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        check_input(images, self.depth, self.in_channels)
        if not len(images):
            raise ConfigError(f'ncnn: images of shape {tuple(images.shape)}; give at least one')
        return (torch.stack([self._one(image) for image in images.float().contiguous()]),)

    def _one(self, image: Tensor) -> Tensor:
        """(3, H, W) -> (K, h, w)"""
        extract = _ncnn_extractor(self.net, image)
        agree, before = self.agree, None
        for stage in range(self.last if agree is None else 0, self.last + 1):
            heatmaps = extract(f'{OUTPUT}{stage}')
            if agree and before is not None and agree(before[None], heatmaps[None]):
                break
            before = heatmaps
        self.left[stage] += 1
        return heatmaps


def _ncnn_net(graph: Path) -> Any:
    """Load a text of layers and the file of weights beside it, to compute in float32."""
    import ncnn
    net = ncnn.Net()
    net.opt.num_threads = torch.get_num_threads()
    # half precision is the default on processors that have it
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    if net.load_param(str(graph)) or net.load_model(str(graph.with_suffix('.bin'))):
        raise ConfigError('ncnn: cannot load this network; choose another runtime')
    return net


def _ncnn_extractor(net: Any, image: Tensor) -> Callable[[str], Tensor]:
    """Return a function from the name of an output to that of the image (3, H, W)."""
    import ncnn
    extractor = net.create_extractor()
    extractor.input(INPUT, ncnn.Mat(image.numpy()))

    def extract(name: str) -> Tensor:
        failed, found = extractor.extract(name)
        if failed:
            raise RuntimeError(f'ncnn: error {failed}')
        return torch.from_numpy(found.numpy().copy())
    return extract


def in_ncnn(graph: Path) -> Callable[[Tensor], Tensor]:
    """Load a network of ncnn as a function from images (B, 3, H, W) to its output."""
    net = _ncnn_net(graph)
    output, = net.output_names()
    return lambda images: torch.stack([
        _ncnn_extractor(net, image)(output) for image in images.float().contiguous()])


def onnx_session(model: bytes | Path) -> Any:
    """Load an ONNX model into onnxruntime, on the CPU, with torch's threads."""
    from onnxruntime import InferenceSession
    options = session_options()
    options.intra_op_num_threads = torch.get_num_threads()
    return InferenceSession(model, options, providers=['CPUExecutionProvider'])


def in_onnxruntime(model: bytes | Path) -> Callable[[Tensor], list[Tensor]]:
    """Load an ONNX model as a function from its input to its outputs, with torch's threads."""
    session = onnx_session(model)
    name = session.get_inputs()[0].name
    return lambda images: [torch.from_numpy(output) for output in
                           session.run(None, {name: images.contiguous().numpy()})]


def in_openvino(model: bytes | Path) -> Callable[[Tensor], list[Tensor]]:
    """Load an OpenVINO or ONNX model as :func:`in_onnxruntime` does, to compute in float32."""
    import openvino
    core = openvino.Core()
    compiled = in_own_thread(
        core.compile_model, core.read_model(model), 'CPU',
        {'INFERENCE_PRECISION_HINT': 'f32', 'INFERENCE_NUM_THREADS': torch.get_num_threads()})
    # compiled(...) has one request, whose inputs and outputs threads would share
    return lambda images: [torch.from_numpy(output.copy()) for output in
                           compiled.create_infer_request().infer(
                               images.contiguous().numpy()).values()]


def in_own_thread(function: Callable, *arguments: Any, **options: Any) -> Any:
    """Call a function that lets OpenVINO load its plugin, in a thread that ends with the call.

    The plugin of each ``Core`` replaces the stack for signal handlers of its thread, and puts the
    earlier one back at its end. If the earlier one has been that of a ``Core`` that ended before,
    the next signal of the thread, such as Ctrl+C, crashes the process (OpenVINO 2026.4).
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function, *arguments, **options).result()


def _onnx(network: StackedHourglass, input_size: tuple[int, int]) -> bytes:
    images = torch.zeros(2, network.in_channels, *reversed(input_size))
    return to_onnx(LastOutput(network), images, INPUT, [OUTPUT]).model_proto.SerializeToString()


def _compiled(network: StackedHourglass, input_size: tuple[int, int]) -> nn.Module:
    module = _channels_last(fuse(network))
    module.compile()
    parameter = next(module.parameters())
    images = torch.zeros(1, network.in_channels, *reversed(input_size), device=parameter.device)
    try:
        with torch.no_grad():
            module(images)
    except Exception as error:          # of the compiler; each has a type of its own
        raise ConfigError(f"optimize='compile': {type(error).__name__}: {words_of(error)[:200]}; "
                          'is there a C++ compiler? Choose another runtime') from None
    return module


def _channels_last(network: nn.Module) -> nn.Module:
    # torch's types lack this form of it
    return network.to(memory_format=torch.channels_last)        # type: ignore[call-overload]


_PLAIN = 'cpu', 'cuda', 'mps'           # devices of networks of torch's usual layers
RUNTIMES = {
    'none': Runtime(lambda network, _: LastOutput(network), devices=_PLAIN, tried=True),
    'fuse': Runtime(lambda network, _: _channels_last(fuse(network)), devices=_PLAIN, tried=True,
                    build_exit=lambda *of: _channels_last(EarlyExit(*of))),
    'ncnn': Runtime(lambda network, _: NcnnNetwork(network), ('ncnn',), devices=('cpu',),
                    tried=True, build_exit=NcnnNetwork),
    'onnxruntime': Runtime(lambda *of: LastOutput(in_onnxruntime(_onnx(*of))),
                           ('onnx', 'onnxscript', 'onnxruntime'), EXPORTER, ('cpu',)),
    'openvino': Runtime(lambda *of: LastOutput(in_openvino(_onnx(*of))),
                        ('onnx', 'onnxscript', 'openvino'), EXPORTER, ('cpu',)),
    'compile': Runtime(_compiled, torch='2.2'),
    'bf16': Runtime(lambda network, _: _channels_last(InBFloat16(fuse(network).bfloat16()))),
}
WITH_EXIT = [name for name, runtime in RUNTIMES.items() if runtime.build_exit]


def run_by(name: str, network: nn.Module, input_size: tuple[int, int],
           exit_tolerance: float | None = None) -> nn.Module:
    """Return the network as run by one of :data:`RUNTIMES`, in eval mode.

    The network is on its device, in eval mode, its input of size (w, h) px. ``exit_tolerance`` lets
    people leave early, see :mod:`hourglass.deploy.early_exit`. Raises ``ConfigError`` if there is
    no such runtime, its packages are not installed, or it does not take this network or its device.
    """
    def refusal(words: str) -> ConfigError:
        return ConfigError(f"optimize='{name}': {words}")
    if name not in RUNTIMES:
        raise refusal(f"choose from auto, {', '.join(RUNTIMES)}{did_you_mean(name, RUNTIMES)}")
    runtime, device = RUNTIMES[name], next(network.parameters()).device.type
    if words := runtime.missing():
        raise refusal(words)
    if device not in runtime.devices:
        raise refusal(f"runs on {' and '.join(runtime.devices)}, and the network is on {device}")
    if not isinstance(network, StackedHourglass) and name != 'none':
        raise refusal('takes a StackedHourglass whose head is a StackedHeatmapHead, not a '
                      f'{type(network).__name__}')
    if exit_tolerance is None:
        return runtime.build(network, input_size).eval()
    if runtime.build_exit is None:
        raise refusal(f"has no early exit (exit_tolerance); {' and '.join(WITH_EXIT)} have")
    return runtime.build_exit(network, exit_tolerance).eval()


@torch.inference_mode()
def fastest(network: nn.Module, images: Tensor) -> tuple[str, dict[str, float], nn.Module]:
    """Find the runtime that takes the least time here for normalised images (B, C, H, W).

    They should show a person: without one, heatmaps are so low that rounding is a large part of
    them. Returns its name, the seconds of each one tried, and the network as run by it.
    """
    device, input_size = images.device, (images.shape[3], images.shape[2])
    candidates = {
        name: run_by(name, network, input_size) for name, runtime in RUNTIMES.items()
        if runtime.tried and device.type in runtime.devices and not runtime.missing()
        and (name == 'none' or (isinstance(network, StackedHourglass)
                                and not unfusable(network)))}
    expected = candidates['none'](images)[0]
    exact = {name: run for name, run in candidates.items()          # a NaN is not below
             if name == 'none' or deviation(run(images)[0], expected) <= ROUNDING}
    times = take_turns([partial(run, images) for run in exact.values()], rounds=5)
    seconds = dict(zip(exact, map(statistics.median, times)))
    best = min(seconds, key=lambda name: seconds[name])
    return best, seconds, exact[best]


def deviation(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference as a fraction of the largest expected value; 0 of 0 is 0."""
    largest = expected.abs().max().clamp(min=torch.finfo(expected.dtype).tiny)
    return float((found - expected).abs().max() / largest)


def wait_for_device() -> None:
    """Wait until an accelerator, if there is one, has done its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def take_turns(calls: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Measure the seconds of each call, round by round, after a round that warms up.

    The calls take turns, so that other work on the machine slows all of them alike.
    """
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds + 1):
        for call, of_call in zip(calls, seconds):
            wait_for_device()
            start = time.perf_counter()
            call()
            wait_for_device()
            of_call.append(time.perf_counter() - start)
    return [of_call[1:] for of_call in seconds]


def traced(module: nn.Module, inputs: Tensor) -> torch.export.ExportedProgram:
    """Trace a module with example inputs (B, ...), B at least 2."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)                  # torch's, about itself
        return torch.export.export(module, (inputs,), dynamic_shapes=_any_batch())


def _any_batch() -> tuple:
    return ({0: torch.export.Dim('batch')},)        # whose module loads sympy


def to_onnx(module: nn.Module, inputs: Tensor, input_name: str, output_names: Sequence[str],
            opset: int | None = None) -> torch.onnx.ONNXProgram:
    """Translate a module, traced as by :func:`traced`, into ONNX of version ``opset`` (torch's)."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        program = torch.onnx.export(
            traced(module, inputs), input_names=[input_name], output_names=output_names,
            opset_version=opset, dynamo=True, verbose=False, dynamic_shapes=_any_batch())
    assert program is not None          # there is one with dynamo=True
    return program


def optimized(model: PoseNetwork, how: str = 'auto', stage: int | None = None,
              exit_tolerance: float | None = None) -> PoseNetwork:
    """Return a network that predicts the same, faster; ``model`` is not changed.

    Args:
        model: from :func:`hourglass.apis.init_model`, on its device.
        how: a name out of :data:`hourglass.deploy.runtimes.RUNTIMES`, or ``'auto'``: the fastest of
            the installed ones that give the same numbers, measured on one image and logged. One
            that cannot run the network is a ``ConfigError``.
        stage: the stage to predict from, 0 the first; default the network's, usually the last.
        exit_tolerance: let each person leave the network as soon as no keypoint moves by more than
            this between two stages, heatmap px. ``network.left`` of the result counts people by
            stage.
    """
    faster, count = model.until_stage(stage), model.num_stages
    network: Any = faster.network
    run, plain = None, network if isinstance(network, StackedHourglass) else FirstOutputs(
        network, faster.stage + 1)      # of another one, all stages are computed
    if how == 'auto':
        from hourglass.datasets.synthetic import render_person  # the other ways do without
        pixels = torch.from_numpy(render_person(0, model.input_size)[0]).to(model.mean.device)
        how, seconds, run = fastest(plain, model.normalized(pixels.permute(2, 0, 1)[None]))
        times = ', '.join(f'{name} {1000 * time:.1f} ms' for name, time in seconds.items())
        logging.getLogger(__name__).info('optimize: %s (%s)', how, times)
    if how == 'none' and exit_tolerance is not None:
        how = 'fuse'
    if run is None or exit_tolerance is not None:
        run = run_by(how, plain if how == 'none' else network, model.input_size, exit_tolerance)
    faster.network = run
    if faster.to_heatmaps is not None:
        faster.to_heatmaps = faster.to_heatmaps[-1:]
    faster.num_stages, faster.stages = count, range(faster.stage, faster.stage + 1)
    return faster
