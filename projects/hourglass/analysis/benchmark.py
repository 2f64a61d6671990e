"""What a config's network costs: parameters, multiplications, time, memory, training and input.

Several are measured in turns (A B A B) in one process, so that what else the machine does meets all
alike, and their ratio is the median of the ratios within each turn.
"""
import copy
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.structures import PoseDataSample
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hourglass.analysis.input_speed import compare_inputs
from hourglass.analysis.machine import machine, peak_memory
from hourglass.checkpoints.names import find_config
from hourglass.deploy.optimize import optimized
from hourglass.deploy.runtimes import deviation, take_turns
from hourglass.errors import ConfigError, HourglassError
from hourglass.inference.stages import until_stage

MEASURES = ('size', 'latency', 'throughput', 'training', 'memory', 'input')
PLAIN = ('none', 'channels_last')               # ways to run that every network knows


@dataclass
class Contender:
    """A config's network, run in one way.

    Attributes:
        config: file, name in the model index, or config.
        optimize: ``'none'`` is the plain forward of torch in float32, NCHW; ``'channels_last'``
            the same with the channels innermost; the others are
            :data:`hourglass.deploy.runtimes.RUNTIMES`.
        stages: how many of its stacks run; None: all.
    """

    config: str | Config
    optimize: str = 'none'
    stages: int | None = None
    cfg: Config = field(init=False, repr=False)

    def __post_init__(self):
        if self.stages is not None and self.stages < 1:
            raise ConfigError(f'stages={self.stages}: give 1 or more')
        if isinstance(self.config, Config):
            self.cfg, self.config = self.config, self.config.filename
        else:
            self.cfg = Config.fromfile(find_config(self.config))
        init_default_scope(self.cfg.get('default_scope', 'mmpose'))
        if 'decoder' not in self.cfg.get('model', {}).get('head', {}):
            raise ConfigError(f'{self.config}: no model.head.decoder, which says how large the '
                              'input is; top-down heatmap networks can be measured')

    @property
    def input_size(self) -> tuple[int, int]:
        return tuple(self.cfg.model.head.decoder.input_size)

    def estimator(self) -> TopdownPoseEstimator:
        """With random weights and statistics, always the same, in eval mode."""
        torch.manual_seed(0)
        init_default_scope(self.cfg.get('default_scope', 'mmpose'))
        cfg = copy.deepcopy(self.cfg.model)
        if cfg.backbone.get('init_cfg'):
            cfg.backbone.init_cfg = None                # would fetch weights
        model = revert_sync_batchnorm(MODELS.build(cfg)).to(_device()).eval()
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):       # new ones would change nothing
                for values, low, high in ((layer.weight, 0.5, 1.5), (layer.bias, -0.5, 0.5),
                                          (layer.running_mean, -1, 1), (layer.running_var, 0.5, 2)):
                    nn.init.uniform_(values, low, high)
        model.cfg = self.cfg
        return model

    def network(self) -> Callable[[Tensor], Tensor]:
        """Images (B, 3, H, W) -> heatmaps (B, K, h, w) of the last stage that runs."""
        model = self.estimator()
        stage = None if self.stages is None else self.stages - 1
        if self.optimize not in PLAIN:
            model = optimized(model, self.optimize, stage)
        elif stage is not None:
            model = until_stage(model, stage)
        if self.optimize == 'channels_last':
            model = model.to(memory_format=torch.channels_last)
        backbone, head = model.backbone, model.head

        def forward(images: Tensor) -> Tensor:
            heatmaps = head(backbone(images))
            return heatmaps if isinstance(heatmaps, Tensor) else heatmaps[-1]
        return forward

    def images(self, count: int) -> Tensor:
        width, height = self.input_size
        generator = torch.Generator().manual_seed(0)
        return torch.randn(count, 3, height, width, generator=generator).to(_device())


@dataclass
class Report:
    """What was measured.

    Attributes:
        machine: where.
        rows: one for every contender; a number that could not be had is missing, and why is in
            ``notes``. Times are in seconds.
        notes: a line each.
    """

    machine: dict
    rows: list[dict]
    notes: list[str]


def benchmark(contenders: Sequence[Contender], measures: Sequence[str] = MEASURES,
              batch_size: int = 16, rounds: int = 10) -> Report:
    """Measure contenders in turns.

    ``size``: ``parameters``, ``macs`` of one image. ``latency``: seconds of a batch of one;
    ``throughput``: of ``batch_size``; ``training``: of a step with a quarter of that, loss,
    gradients and optimiser, and channels_last where its hook is in the config. Each has the
    ``median`` of the rounds, the quartiles ``low`` and ``high``, and ``ratio``, to the first
    contender. ``memory``: bytes at the peak above the loaded network, ``memory_latency`` and
    ``memory_training``. ``input``: training images a second of one core. ``deviation``: the
    largest difference to the plain forward, as a fraction of its largest value.

    Raises:
        ConfigError: for a measure that there is not, or a network that cannot be run as asked.
    """
    if rounds < 2 or batch_size < 1:
        raise ConfigError(f'rounds={rounds}, batch_size={batch_size}: give 2 or more, and 1 or '
                          'more')
    if unknown := set(measures) - set(MEASURES):
        raise ConfigError(f"measures: no '{min(unknown)}'; there are {', '.join(MEASURES)}")
    rows = [dict(config=c.config, optimize=c.optimize, stages=c.stages) for c in contenders]
    notes: list[str] = []
    if 'size' in measures:
        for row, contender in zip(rows, contenders, strict=True):
            row['parameters'], row['macs'] = size(contender)
    if {'latency', 'throughput'} & set(measures):
        networks = [contender.network() for contender in contenders]
        _compare_outputs(contenders, networks, rows)
        for measure, count in (('latency', 1), ('throughput', batch_size)):
            if measure in measures:
                with torch.inference_mode():
                    _take_turns(rows, measure, [
                        _call(network, contender.images(count))
                        for network, contender in zip(networks, contenders, strict=True)], rounds)
        del networks
    trained = [(row, contender) for row, contender in zip(rows, contenders, strict=True)
               if contender.optimize in PLAIN and contender.stages is None]
    steps = max(1, batch_size // 4)
    if 'training' in measures and trained:
        _take_turns([row for row, _ in trained], 'training',
                    [training_step(contender, steps) for _, contender in trained], rounds)
    if 'memory' in measures:
        for row, contender in zip(rows, contenders, strict=True):
            row['memory_latency'] = peak_memory(_inference, contender)
        for row, contender in trained:
            row['memory_training'] = peak_memory(training_step, contender, steps)
    if 'input' in measures:
        _measure_input(trained, notes)
    return Report(machine(), rows, notes)


def size(contender: Contender) -> tuple[int, float]:
    """Parameters of the whole network, and its multiply-adds for one image."""
    plain = Contender(contender.cfg, stages=contender.stages)
    network, images = plain.network(), plain.images(1)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(images)
    model = plain.estimator()
    if plain.stages is not None:
        model = until_stage(model, plain.stages - 1)
    return sum(p.numel() for p in model.parameters()), counter.get_total_flops() / 2


def training_step(contender: Contender, batch_size: int) -> Callable[[], object]:
    """A call that trains on a batch of noise: forward, losses, gradients, optimiser."""
    model, head = contender.estimator().train(), contender.cfg.model.head
    hooks = [*contender.cfg.get('default_hooks', {}).values(),
             *contender.cfg.get('custom_hooks', [])]
    if contender.optimize == 'channels_last' or any(
            hook['type'] == 'hourglass.ChannelsLastHook' for hook in hooks if hook):
        model = model.to(memory_format=torch.channels_last)
    optimizer = build_optim_wrapper(model, contender.cfg.optim_wrapper)
    width, height = contender.input_size
    keypoints = (contender.cfg.model.backbone.get('num_keypoints') or head.get('num_keypoints')
                 or head.get('out_channels'))
    generator = torch.Generator().manual_seed(0)
    samples = []
    for _ in range(batch_size):
        sample = PoseDataSample(gt_fields=PixelData(), gt_instance_labels=InstanceData())
        sample.gt_fields.heatmaps = torch.rand(
            keypoints, *reversed(head.decoder.heatmap_size), generator=generator).to(_device())
        sample.gt_instance_labels.keypoint_weights = torch.ones(1, keypoints, device=_device())
        samples.append(sample)
    batch = dict(inputs=[torch.randint(0, 256, (3, height, width), dtype=torch.uint8,
                                       generator=generator) for _ in samples],
                 data_samples=samples)
    return lambda: model.train_step(batch, optimizer)


def _inference(contender: Contender) -> Callable[[], object]:
    network, images = contender.network(), contender.images(1)
    return torch.inference_mode()(_call(network, images))


def _call(network: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[], object]:
    return lambda: network(images)


@torch.inference_mode()
def _compare_outputs(contenders: Sequence[Contender], networks: Sequence[Callable],
                     rows: list[dict]) -> None:
    expected = {}
    for contender, network, row in zip(contenders, networks, rows, strict=True):
        images, key = contender.images(1), (contender.config, contender.stages)
        if key not in expected:
            expected[key] = Contender(contender.config, stages=contender.stages).network()(images)
        row['deviation'] = deviation(network(images), expected[key])


def _take_turns(rows: list[dict], measure: str, calls: list[Callable[[], object]], rounds: int
                ) -> None:
    """Add the seconds of every call to its row, and their ratio to the first call's."""
    seconds = list(take_turns(dict(enumerate(calls)), rounds).values())
    for row, times in zip(rows, seconds, strict=True):
        low, median, high = statistics.quantiles(times, n=4, method='inclusive')
        ratios = [time / first for time, first in zip(times, seconds[0], strict=True)]
        row[measure] = dict(median=median, low=low, high=high, ratio=statistics.median(ratios))


def _measure_input(trained: Sequence[tuple[dict, Contender]], notes: list[str]) -> None:
    able = {}
    for _, contender in trained:
        try:
            compare_inputs([contender.cfg], seconds=0.1, rounds=1)
        except (HourglassError, OSError) as error:
            notes.append(f'{contender.config}: input not measured: {str(error).splitlines()[0]}')
        else:
            able[contender.config] = contender.cfg
    found = compare_inputs(list(able.values()), rounds=40)
    speeds = dict(zip(able, found, strict=True))
    for row, contender in trained:
        if contender.config in speeds:
            row['input_images_per_core_second'] = (
                speeds[contender.config]['images_per_core_second'])


def _device() -> str:
    return 'cuda' if torch.cuda.is_available() else 'cpu'
