"""What runs a trained network: torch in several ways, or a library made for it.

Each is a module from images (B, 3, H, W) to a tuple of one tensor, the output of the network's last
stack, as :func:`hourglass.models.fuse.fuse` gives it. All but ``bf16`` compute in float32 and
differ from the network by rounding alone.
"""
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from hourglass.deploy.early_exit import Agreement, EarlyExit, check_can_exit
from hourglass.deploy.ncnn_graph import INPUT, OUTPUT, ncnn_graph
from hourglass.errors import ConfigError, did_you_mean
from hourglass.models.backbone import StackedHourglass, check_input
from hourglass.models.fuse import fuse

ROUNDING = 1e-4         # of the largest value: what an exact runtime may deviate by


@dataclass
class Runtime:
    """A way to run a network.

    Attributes:
        build: makes the module of a network and an input size (w, h) in px.
        packages: that have to be installed.
        devices: kinds it runs on.
        tried: whether ``'auto'`` tries it: it is exact, and ready within seconds.
        build_exit: makes the module that people leave early, of a network and a tolerance.
    """

    build: Callable[[StackedHourglass, tuple[int, int]], nn.Module]
    packages: tuple[str, ...] = ()
    devices: tuple[str, ...] = ('cpu', 'cuda')
    tried: bool = False
    build_exit: Callable[[StackedHourglass, float], nn.Module] | None = None

    def missing(self) -> list[str]:
        return [name for name in self.packages if find_spec(name) is None]


class LastOutput(nn.Module):
    """The network itself, of whose outputs only the last is given."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.network(images)[-1],)


class InBFloat16(nn.Module):
    """A fused network that computes in bfloat16: for processors that have it, otherwise slow.

    Eight bits of precision: heatmaps move by some 1e-2 of their largest value.
    """

    def __init__(self, network: StackedHourglass):
        super().__init__()
        self.network = fuse(network).bfloat16()

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.network(images.bfloat16())[0].float(),)


class NcnnNetwork(nn.Module):
    """The network in ncnn, image by image, with as many threads as torch has when it is made.

    Args:
        network: trained.
        exit_tolerance: as of :class:`hourglass.deploy.early_exit.EarlyExit`; None: nobody leaves.

    Attributes:
        left: how many people left after each stack, since this was made.
    """

    def __init__(self, network: StackedHourglass, exit_tolerance: float | None = None):
        super().__init__()
        import ncnn
        self.depth, self.ncnn, self.net = network.depth, ncnn, ncnn.Net()
        options = self.net.opt
        options.num_threads = torch.get_num_threads()
        # half precision is its default, where the processor has it
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = False
        self.last, self.left, self.agree = network.num_stacks - 1, Counter(), None
        if exit_tolerance is not None:
            check_can_exit(network, exit_tolerance)
            self.agree = Agreement(exit_tolerance)
        layers, weights = ncnn_graph(network, every_stage=self.agree is not None)
        with TemporaryDirectory() as folder:    # from memory it would refer to what may be gone
            graph, tensors = Path(folder, 'graph.param'), Path(folder, 'weights.bin')
            graph.write_text(layers)
            tensors.write_bytes(weights)
            if self.net.load_param(str(graph)) or self.net.load_model(str(tensors)):
                raise ConfigError('ncnn: does not take this network; choose another runtime')

    def forward(self, images: Tensor) -> tuple[Tensor]:
        check_input(images, self.depth)
        if images.shape[1] != 3 or not len(images):
            raise ConfigError(f'ncnn: images of shape {tuple(images.shape)}, (B, 3, H, W) with '
                              'B > 0 needed')
        return (torch.stack([self._one(image) for image in images.float().contiguous()]),)

    def _one(self, image: Tensor) -> Tensor:
        """(3, H, W) -> (K, h, w)"""
        extractor = self.net.create_extractor()
        extractor.input(INPUT, self.ncnn.Mat(image.numpy()))
        before = None
        for stage in [self.last] if self.agree is None else range(self.last + 1):
            failed, found = extractor.extract(f'{OUTPUT}{stage}')
            if failed:
                raise RuntimeError(f'ncnn: error {failed}')
            heatmaps = torch.from_numpy(found.numpy().copy())
            if before is not None and self.agree(before[None], heatmaps[None]):
                break
            before = heatmaps
        self.left[stage] += 1
        return heatmaps


class OnnxNetwork(nn.Module):
    """The network in ONNX Runtime."""

    def __init__(self, network: StackedHourglass, input_size: tuple[int, int]):
        super().__init__()
        from onnxruntime import InferenceSession, SessionOptions
        options = SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.session = InferenceSession(_onnx(network, input_size), options,
                                        providers=['CPUExecutionProvider'])

    def forward(self, images: Tensor) -> tuple[Tensor]:
        found = self.session.run(None, {INPUT: images.contiguous().numpy()})
        return (torch.from_numpy(found[0]),)


class OpenVinoNetwork(nn.Module):
    """The network in OpenVINO."""

    def __init__(self, network: StackedHourglass, input_size: tuple[int, int]):
        super().__init__()
        import openvino
        core = openvino.Core()
        self.compiled = core.compile_model(
            core.read_model(_onnx(network, input_size)), 'CPU',
            {'INFERENCE_PRECISION_HINT': 'f32', 'INFERENCE_NUM_THREADS': torch.get_num_threads()})

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (torch.from_numpy(self.compiled(images.contiguous().numpy())[0].copy()),)


def _onnx(network: StackedHourglass, input_size: tuple[int, int]) -> bytes:
    width, height = input_size
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore')                                 # the exporter's own
        program = torch.onnx.export(
            LastOutput(network), (torch.zeros(2, 3, height, width),), input_names=[INPUT],
            output_names=[OUTPUT], dynamo=True, verbose=False,
            dynamic_shapes=({0: torch.export.Dim('batch')},))
    return program.model_proto.SerializeToString()


def _channels_last(network: nn.Module) -> nn.Module:
    return network.to(memory_format=torch.channels_last)


_ONNX = ('onnx', 'onnxscript', 'onnxruntime')
RUNTIMES = {
    'none': Runtime(lambda network, _: LastOutput(network), tried=True),
    'fuse': Runtime(lambda network, _: _channels_last(fuse(network)), tried=True,
                    build_exit=lambda *of: _channels_last(EarlyExit(*of))),
    'ncnn': Runtime(lambda network, _: NcnnNetwork(network), ('ncnn',), ('cpu',), tried=True,
                    build_exit=NcnnNetwork),
    'onnxruntime': Runtime(OnnxNetwork, _ONNX, ('cpu',)),
    'openvino': Runtime(OpenVinoNetwork, ('onnx', 'onnxscript', 'openvino'), ('cpu',)),
    'compile': Runtime(lambda network, _: torch.compile(_channels_last(fuse(network)))),
    'bf16': Runtime(lambda network, _: _channels_last(InBFloat16(network))),
}


def run_by(name: str, network: StackedHourglass, input_size: tuple[int, int],
           exit_tolerance: float | None = None) -> nn.Module:
    """The network run by one of :data:`RUNTIMES`, in eval mode.

    Args:
        name: of the runtime.
        network: on its device, in eval mode.
        input_size: (w, h) in px.
        exit_tolerance: let people leave early, see :mod:`hourglass.deploy.early_exit`.

    Raises:
        ConfigError: if there is no such runtime, it is not installed, or it is not for this network
            or for the device the network is on.
    """
    if name not in RUNTIMES:
        raise ConfigError(f"optimize='{name}': there are auto, {', '.join(RUNTIMES)}"
                          f'{did_you_mean(name, RUNTIMES)}')
    runtime, device = RUNTIMES[name], next(network.parameters()).device.type
    if missing := runtime.missing():
        raise ConfigError(f"optimize='{name}': needs {', '.join(missing)}, which is not installed: "
                          f"pip install {' '.join(missing)}")
    if device not in runtime.devices:
        raise ConfigError(f"optimize='{name}': runs on {' and '.join(runtime.devices)}, and the "
                          f'network is on {device}')
    if not isinstance(network, StackedHourglass) and name != 'none':
        raise ConfigError(f"optimize='{name}': takes a StackedHourglass, not a "
                          f'{type(network).__name__}')
    if exit_tolerance is None:
        return runtime.build(network, input_size).eval()
    if runtime.build_exit is None:
        able = [name for name, runtime in RUNTIMES.items() if runtime.build_exit]
        raise ConfigError(f"optimize='{name}': nobody can leave it early (exit_tolerance); "
                          f"{' and '.join(able)} can")
    return runtime.build_exit(network, exit_tolerance).eval()


@torch.inference_mode()
def fastest(network: StackedHourglass, input_size: tuple[int, int]
            ) -> tuple[str, dict[str, float], nn.Module]:
    """The runtime that takes the least time here for a random image, of those tried.

    Args:
        network: on its device, in eval mode.
        input_size: (w, h) in px.

    Returns:
        Its name, the seconds each took, and the network run by it.
    """
    device = next(network.parameters()).device
    images = torch.rand(1, 3, *reversed(input_size), device=device)
    candidates = {
        name: run_by(name, network, input_size) for name, runtime in RUNTIMES.items()
        if runtime.tried and device.type in runtime.devices and not runtime.missing()
        and (name == 'none' or isinstance(network, StackedHourglass))}
    expected = candidates['none'](images)[0]
    for name, candidate in list(candidates.items()):
        if name != 'none' and not deviation(candidate(images)[0], expected) <= ROUNDING:
            del candidates[name]                                        # NaN goes, too
    seconds = {name: statistics.median(times) for name, times in
               take_turns({name: lambda run=run: run(images)
                           for name, run in candidates.items()}, rounds=5).items()}
    best = min(seconds, key=seconds.get)
    return best, seconds, candidates[best]


def deviation(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a fraction of the largest value expected (0 of 0 is 0)."""
    largest = expected.abs().max().clamp(min=torch.finfo(expected.dtype).tiny)
    return float((found - expected).abs().max() / largest)


def take_turns(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every call, one call after the other, round by round, once before to warm up.

    In turns, so that what else the machine does meets all alike.
    """
    cuda = torch.cuda.is_available()
    wait = torch.cuda.synchronize if cuda else nullcontext
    seconds = {name: [] for name in calls}
    for round_ in range(rounds + 1):
        for name, call in calls.items():
            wait()
            start = time.perf_counter()
            call()
            wait()
            if round_:
                seconds[name].append(time.perf_counter() - start)
    return seconds
