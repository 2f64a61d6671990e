"""Training throughput of networks on an accelerator, by precision and by how the step is run."""
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from mmengine.config import Config
from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch import Tensor, nn

from hourglass.analysis.size import build_estimator, size_of
from hourglass.checkpoints.configs import read_config
from hourglass.checkpoints.names import find_config
from hourglass.deploy.runtimes import older_torch, wait_for_device
from hourglass.engine.optim import can_fuse
from hourglass.errors import ConfigError
from hourglass.inference.device import cuda_or_cpu
from hourglass.io.tables import text_table
from hourglass.models.network import Residual


@dataclass(frozen=True)
class Way:
    """How a training step is run.

    Attributes:
        precision: of the convolutions, ``'fp32'``, ``'tf32'`` or ``'bf16'``.
        channels_last: the channels are innermost in memory.
        compiled: the residual modules are compiled.
        graph: the step is one CUDA graph.
    """

    precision: str
    channels_last: bool = False
    compiled: bool = False
    graph: bool = False


WAYS = {
    'fp32': Way('fp32'),
    'tf32': Way('tf32'),
    'bf16': Way('bf16', channels_last=True),
    'bf16-compiled': Way('bf16', channels_last=True, compiled=True),
    'bf16-graph': Way('bf16', channels_last=True, graph=True),
    'bf16-compiled-graph': Way('bf16', channels_last=True, compiled=True, graph=True)}


@dataclass
class Speed:
    """Throughput of one network in one way."""

    config: str
    way: str
    batch_size: int
    images_per_second: float
    teraflops: float                    # of the network's convolutions, 6 operations a MAC
    mebibytes: float                    # peak of the memory that torch allocated
    preparing: float                    # seconds until the first timed step: compilation, tuning


def training_speed(config: str, way: str, batch_size: int, seconds: float) -> Speed:
    """Train a network on noise, and count the images per second.

    A step is what training does on the device: forward, the sum of the stages' mean squared errors,
    backward, and a step of AdamW.

    Args:
        config: file, or name in the model index, of a top-down heatmap network.
        way: a key of :data:`WAYS`.
        seconds: for how long to count.

    Raises:
        ConfigError: for a CUDA graph without CUDA, and compiled modules with an older torch.
    """
    cfg, run = read_config(find_config(config)), WAYS[way]
    cuda = torch.cuda.is_available()
    if run.graph and not cuda:
        raise ConfigError(f'--ways {way}: a CUDA graph needs CUDA, which is not available here')
    if run.compiled and (words := older_torch('2.6')):
        raise ConfigError(f'--ways {way}: {words}')
    began = time.perf_counter()
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = run.precision != 'fp32'       # all products are convolutions
    step = _step(cfg, run, batch_size)
    for _ in range(3):
        step()
    if run.graph:
        step = _graph(step)
    wait_for_device()
    start = time.perf_counter()
    steps = 0
    while time.perf_counter() - start < seconds:
        for _ in range(5):
            step()
        wait_for_device()
        steps += 5
    per_second = batch_size * steps / (time.perf_counter() - start)
    memory = torch.cuda.max_memory_allocated() if cuda else 0
    return Speed(config, way, batch_size, per_second, 6 * size_of(cfg)[1] * per_second / 1e12,
                 memory / 2**20, start - began)


def _step(cfg: Config, run: Way, batch_size: int) -> Callable[[], object]:
    """Return a call that trains on one batch of noise."""
    device = cuda_or_cpu()
    width, height = cfg.model.head.decoder.input_size
    layout = torch.channels_last if run.channels_last else torch.contiguous_format
    model = build_estimator(cfg).train().to(device, memory_format=layout)
    images = torch.randn(batch_size, 3, height, width, device=device).to(memory_format=layout)
    with torch.no_grad():
        targets = torch.rand_like(_stages(model, images)[-1])
    if run.compiled:
        torch._dynamo.config.recompile_limit = 64
        for module in model.modules():
            if isinstance(module, Residual):
                module.compile(dynamic=False)
    optimizer = torch.optim.AdamW(
        model.parameters(), capturable=run.graph,
        fused=can_fuse(dict(type='AdamW'), images.device))

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=run.precision == 'bf16'):
            stages = _stages(model, images)
        torch.stack([nn.functional.mse_loss(heatmaps.float(), targets)
                     for heatmaps in stages]).sum().backward()
        optimizer.step()
    return step


def _stages(model: TopdownPoseEstimator, images: Tensor) -> list[Tensor]:
    heatmaps = model.head(model.backbone(images))
    return [heatmaps] if isinstance(heatmaps, Tensor) else list(heatmaps)


def _graph(step: Callable[[], object]) -> Callable[[], object]:
    """Record a step once, to be replayed without Python."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def table(speeds: list[Speed]) -> str:
    """Format a row for each network and way."""
    return text_table([[f'{s.config} {s.way}', str(s.batch_size), f'{s.images_per_second:.1f}',
                        f'{s.teraflops:.1f}', f'{s.mebibytes:.0f}', f'{s.preparing:.0f}']
                       for s in speeds],
                      ['', 'batch', 'images/s', 'TFLOP/s', 'MiB', 'ready after, s'])
