"""What networks cost: parameters, multiply-adds, time, memory, training and input.

Several networks take turns (A B A B) in one process, so that other work on the machine slows all of
them alike; their ratio is the median of the ratios within each turn.
"""
from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.testing import get_packed_inputs
from torch import Tensor, nn

from hourglass.analysis.machine import described, machine, peak_memory
from hourglass.analysis.size import build_estimator, size_of
from hourglass.checkpoints.configs import read_config
from hourglass.checkpoints.names import find_config
from hourglass.deploy.formats import FORMATS
from hourglass.deploy.runtimes import deviation, optimized, take_turns
from hourglass.errors import ConfigError, HourglassError
from hourglass.inference.device import cuda_or_cpu
from hourglass.inference.openmmlab import pose_network
from hourglass.io.tables import number, text_table
from hourglass.registry import DATASETS

MEASURES = ('size', 'latency', 'throughput', 'training', 'memory', 'input')
PLAIN = ('none', 'channels_last')               # these work for every network
Network = Callable[[Tensor], Any]       # images (B, 3, H, W) -> heatmaps (B, K, h, w), or a file's


@dataclass
class Contender:
    """The network of a config, run in one way.

    ``'none'`` is the plain forward of torch in float32, NCHW; ``'channels_last'`` the same with the
    channels innermost in memory; the others are :data:`hourglass.deploy.runtimes.RUNTIMES`, or an
    exported file of a network of this size, which brings its own weights.
    """

    config: str
    optimize: str = 'none'
    stages: int | None = None
    cfg: Config = field(init=False, repr=False)

    def __post_init__(self):
        if self.stages is not None and self.stages < 1:
            raise ConfigError(f'stages={self.stages}: give 1 or more')
        if self.is_file and (self.stages is not None or not Path(self.optimize).is_file()):
            raise ConfigError(f'{self.optimize}: an exported file has one number of stages'
                              if self.stages else f'{self.optimize}: no such file')
        if self.is_file and (words := FORMATS[Path(self.optimize).suffix].missing(False)):
            raise ConfigError(f'{self.optimize}: {words}')
        self.cfg = read_config(find_config(self.config))
        if 'decoder' not in self.cfg.get('model', {}).get('head', {}):
            raise ConfigError(f'{self.config}: has no model.head.decoder, which gives the size of '
                              'the input; only top-down heatmap networks can be measured')

    @property
    def is_file(self) -> bool:
        return Path(self.optimize).suffix in FORMATS

    def estimator(self) -> TopdownPoseEstimator:
        """Build it with random weights and statistics, always the same ones, in eval mode."""
        torch.manual_seed(0)
        model = build_estimator(self.cfg).to(cuda_or_cpu())
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):       # a new one changes nothing
                for values, low, high in ((layer.weight, 0.5, 1.5), (layer.bias, -0.5, 0.5),
                                          (layer.running_mean, -1, 1), (layer.running_var, 0.5, 2)):
                    if values is not None:
                        nn.init.uniform_(values, low, high)
        return model

    def network(self) -> Network:
        """Return the network as it is run, up to the heatmaps of the last stage that runs."""
        if self.is_file:
            run = FORMATS[Path(self.optimize).suffix].run(Path(self.optimize))
            return lambda images: run(images.cpu())
        estimator, stage = self.estimator(), -1 if self.stages is None else self.stages - 1
        if self.optimize == 'channels_last':
            estimator = estimator.to(memory_format=torch.channels_last)
        model = pose_network(estimator)
        model = (model.until_stage(stage) if self.optimize in PLAIN
                 else optimized(model, self.optimize, stage))
        return lambda images: model.outputs(images)[-1]

    def images(self, count: int) -> Tensor:
        """Return noise of the shape of the input, (count, 3, H, W), always the same."""
        width, height = self.cfg.model.head.decoder.input_size
        generator = torch.Generator().manual_seed(0)
        return torch.randn(count, 3, height, width, generator=generator).to(cuda_or_cpu())

    def inference(self) -> Callable[[], object]:
        """Return a call that runs one image."""
        return torch.inference_mode()(partial(self.network(), self.images(1)))

    def training_step(self, count: int) -> Callable[[], object]:
        """Return a call that trains on ``count`` images of noise: losses, gradients, optimiser."""
        cfg, model = self.cfg, self.estimator().train()
        hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or [])]
        if self.optimize == 'channels_last' or any(
                hook['type'] == 'hourglass.ChannelsLastHook' for hook in hooks if hook):
            model = model.to(memory_format=torch.channels_last)
        backbone, head = cfg.model.backbone, cfg.model.head
        keypoints = (backbone.get('num_keypoints') or head.get('num_keypoints')
                     or head.get('out_channels'))
        batch = get_packed_inputs(
            count, num_keypoints=keypoints, img_shape=head.decoder.input_size[::-1],
            input_size=head.decoder.input_size, heatmap_size=head.decoder.heatmap_size,
            with_reg_label=False, with_simcc_label=False)
        return partial(model.train_step, batch, build_optim_wrapper(model, cfg.optim_wrapper))


@dataclass
class Report:
    """What was measured, a row for each contender; ``notes`` explain which numbers are missing."""

    machine: dict                       # of hourglass.analysis.machine.machine
    rows: list[dict]
    notes: list[str]


def benchmark(contenders: Sequence[Contender], measures: Sequence[str] = MEASURES,
              batch_size: int = 16, rounds: int = 10) -> Report:
    """Measure contenders in turns.

    ``size``: ``parameters``, ``macs`` of one image. ``latency``: seconds of a batch of one;
    ``throughput``: of ``batch_size``; ``training``: of a step on a quarter of that, with loss,
    gradients and optimiser, channels_last if its hook is in the config. Each of these has the
    ``median`` of the rounds, the quartiles ``low`` and ``high``, and ``ratio`` to the first
    contender. ``memory``: bytes at the peak above the loaded network, ``memory_latency`` and
    ``memory_training``. ``input``: training images per second of one core. ``deviation``: the
    largest difference to the plain forward, as a fraction of its largest value. Raises
    ``ConfigError`` for an unknown measure, or a network that cannot be run as asked.
    """
    for name, value, least in (('rounds', rounds, 2), ('batch_size', batch_size, 1)):
        if value < least:
            raise ConfigError(f'{name} is {value}: give {least} or more')
    if unknown := set(measures) - set(MEASURES):
        raise ConfigError(f"measures: no '{min(unknown)}'; there are {', '.join(MEASURES)}")
    train_size = max(1, batch_size // 4)
    notes: list[str] = []
    rows: list[dict] = [dict(config=c.config, optimize=c.optimize, stages=c.stages)
                        for c in contenders]
    measured = list(zip(rows, contenders))
    trained = [(row, contender) for row, contender in measured
               if contender.optimize in PLAIN and contender.stages is None]
    if 'size' in measures:
        for row, contender in measured:
            row['parameters'], row['macs'] = size_of(contender.cfg, contender.stages)
    if {'latency', 'throughput'} & set(measures):
        networks = [contender.network() for contender in contenders]
        with torch.inference_mode():
            _compare_outputs(measured, networks)
            for measure, count in (('latency', 1), ('throughput', batch_size)):
                if measure in measures:
                    calls = [partial(network, contender.images(count))
                             for network, contender in zip(networks, contenders)]
                    _take_turns(rows, measure, calls, rounds)
        del networks, calls
    if 'training' in measures and trained:
        _take_turns([row for row, _ in trained], 'training',
                    [contender.training_step(train_size) for _, contender in trained], rounds)
    if 'memory' in measures:
        for row, contender in measured:
            with _noted(notes, contender):
                row['memory_latency'] = peak_memory(contender.inference)
        for row, contender in trained:
            with _noted(notes, contender):
                row['memory_training'] = peak_memory(contender.training_step, train_size)
    if 'input' in measures:
        _measure_input(trained, notes)
    return Report(machine(), rows, notes)


def _compare_outputs(measured: Sequence[tuple[dict, Contender]], networks: Sequence[Network]
                     ) -> None:
    expected: dict[tuple, Tensor] = {}
    for (row, contender), network in zip(measured, networks):
        if contender.is_file:
            continue
        images, plain = contender.images(1), (contender.config, 'none', contender.stages)
        if plain not in expected:
            expected[plain] = Contender(*plain).network()(images)
        row['deviation'] = deviation(network(images), expected[plain])


def _take_turns(rows: list[dict], measure: str, calls: Sequence[Callable[[], object]], rounds: int
                ) -> None:
    """Add the seconds of each call to its row, and their ratio to those of the first call."""
    seconds = take_turns(calls, rounds)
    for row, times in zip(rows, seconds):
        low, median, high = statistics.quantiles(times, n=4, method='inclusive')
        ratios = [time / first for time, first in zip(times, seconds[0])]
        row[measure] = dict(median=median, low=low, high=high, ratio=statistics.median(ratios))


def _measure_input(trained: Sequence[tuple[dict, Contender]], notes: list[str]) -> None:
    able = {}
    for _, contender in trained:
        with _noted(notes, contender, 'input not measured: '):
            compare_inputs([contender.cfg], seconds=0.1, rounds=1)
            able[contender.config] = contender.cfg
    speeds = dict(zip(able, compare_inputs(list(able.values()), rounds=40)))
    for row, contender in trained:
        if speed := speeds.get(contender.config):
            row['input_images_per_core_second'] = speed['images_per_core_second']


@contextmanager
def _noted(notes: list[str], contender: Contender, words: str = '') -> Iterator[None]:
    """Turn an error that a user can fix into a note: the other numbers are measured."""
    try:
        yield
    except (HourglassError, OSError) as error:
        note = f'{contender.config}: {words}{str(error).splitlines()[0]}'
        if note not in notes:
            notes.append(note)


def table(report: Report, batch_size: int) -> str:
    """Format a report: the machine, a row for each contender, a column for each measure, notes."""
    def timing(seconds: dict) -> str:
        return '{:.3g} ({:.3g}-{:.3g})'.format(
            *(1000 * seconds[key] for key in ('median', 'low', 'high')))

    def per_second(seconds: dict) -> str:
        return f"{batch_size / seconds['median']:.1f}"

    training = f'training {max(1, batch_size // 4)}'
    ratio, mebibytes = '{0[ratio]:.3f}'.format, lambda count: f'{count / 2**20:.0f}'
    columns: list[tuple[str, str, Callable[..., str]]] = [
        ('M params', 'parameters', lambda count: f'{count / 1e6:.2f}'),
        ('GMACs', 'macs', lambda count: number(count / 1e9)),
        ('batch 1, ms', 'latency', timing), ('ratio', 'latency', ratio),
        (f'batch {batch_size}, images/s', 'throughput', per_second),
        ('ratio', 'throughput', ratio),
        (f'{training}, ms', 'training', timing), ('ratio', 'training', ratio),
        ('MiB', 'memory_latency', mebibytes), (f'MiB {training}', 'memory_training', mebibytes),
        ('input images/s/core', 'input_images_per_core_second', '{:.0f}'.format),
        ('deviation', 'deviation', '{:.1e}'.format)]
    shown = [column for column in columns if any(column[1] in row for row in report.rows)]
    rows = [[f"{Path(row['config']).stem} {row['optimize']}"
             + (f", {row['stages']} stacks" if row['stages'] else ''),
             *(form(row[key]) if key in row else '' for _, key, form in shown)]
            for row in report.rows]
    timed = any(key in ('latency', 'throughput', 'training') for _, key, _ in shown)
    return '\n'.join([described(report.machine),
                      text_table(rows, ['', *(title for title, _, _ in shown)]),
                      *['times: median (quartiles); ratios to the first row'] * timed,
                      *report.notes])


def compare_inputs(configs: Sequence[str | Config], seconds: float = 10, rounds: int = 20
                   ) -> list[dict[str, float]]:
    """Measure the training data of configs in random order, in this process with one thread.

    The configs take turns, so that other work on the machine slows all of them alike; each gets
    ``seconds`` in all, after 20 samples to warm up. Returns for each config ``images_per_second``
    by the clock and ``images_per_core_second`` by the processor time of this process, both medians
    over the turns, and ``images`` in all. Raises ``ConfigError`` if one has no training data.
    """
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        streams = [_samples(config) for config in configs]
        for stream in streams:
            for _ in range(20):
                next(stream)
        turns = [[_turn(stream, seconds / rounds) for stream in streams] for _ in range(rounds)]
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
    return [dict(
        images_per_second=statistics.median(count / wall for count, wall, _ in of_config),
        images_per_core_second=statistics.median(count / core for count, _, core in of_config),
        images=sum(count for count, _, _ in of_config)) for of_config in zip(*turns)]


def _turn(stream: Iterator[dict], seconds: float) -> tuple[int, float, float]:
    """Take samples; return their number and the time: by the clock, and of this process."""
    count, wall, core = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds or not count:
        next(stream)
        count += 1
    return count, time.perf_counter() - wall, time.process_time() - core


def _samples(config: str | Config) -> Iterator[dict]:
    """Yield training samples without end, each once before any comes again."""
    cfg = read_config(config) if isinstance(config, str) else config
    if 'train_dataloader' not in cfg:
        raise ConfigError(f'{cfg.filename}: has no train_dataloader to measure')
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    order = np.random.default_rng(0)
    while True:
        for index in order.permutation(len(dataset)):
            yield dataset[int(index)]
