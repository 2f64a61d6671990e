"""Accuracy on a test set against the time of an image: networks of the package, and of others."""
from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator
from mmengine.config import Config
from mmengine.registry import DATASETS

from hourglass.analysis.metric import first_metric
from hourglass.checkpoints.configs import read_config
from hourglass.checkpoints.names import find_config, weights_by_name
from hourglass.datasets.coco_file import records
from hourglass.datasets.crop import to_image
from hourglass.datasets.skeletons import SKELETONS, keypoint_names
from hourglass.deploy.onnx_poses import load_onnx_poses
from hourglass.deploy.runtimes import optimized, take_turns
from hourglass.errors import ConfigError, DataError, did_you_mean
from hourglass.evaluation.intervals import half_widths
from hourglass.evaluation.metrics import KeypointMetric
from hourglass.inference.model import load_model
from hourglass.inference.network import PoseNetwork
from hourglass.io.figures import panels
from hourglass.io.files import read_json
from hourglass.io.tables import counted, markdown_table, number, plus_minus

ELSEWHERE = 'reported elsewhere'
_MARKERS = 'osD^v<>'                    # one for each way to run a network
_ONNX = 'ONNX file'
_TIME_ALONE = 'time alone: no keypoints or test set named, or outputs of unknown form'
_BATCH = 32


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


# keys of a network in a list of others -> what they hold, and the check of that
_Keys = dict[str, tuple[str, Callable[[Any], bool]]]
_TEXT = 'a text', lambda value: isinstance(value, str)
_PIXELS = '3 numbers', lambda value: (
    isinstance(value, list) and len(value) == 3 and all(map(_is_number, value)))
_MEASURED: _Keys = dict(
    name=_TEXT, onnx=_TEXT, test=_TEXT, mean=_PIXELS, std=_PIXELS,
    keypoints=(f"a list of names, or one of {', '.join(SKELETONS)}", lambda value: (
        all(isinstance(one, str) for one in value) if isinstance(value, list)
        else value in tuple(SKELETONS))),
    rgb=('true or false', lambda value: isinstance(value, bool)))
_REPORTED: _Keys = dict(
    name=_TEXT, scores=('numbers by name', lambda value: (
        isinstance(value, dict) and all(map(_is_number, value.values())))),
    ms=('a number', _is_number),
    threads=('a whole number, 1 or more', lambda value: type(value) is int and value > 0))


@dataclass
class Network:
    """A network to measure: the test set of a config, and what loads the network."""

    name: str
    test: Config | None                 # None: its time alone is measured
    load: Callable[[], PoseNetwork]
    ways: Sequence[str]                 # to run it

    def run_by(self, way: str) -> PoseNetwork:
        """Load the network as it is run in one way."""
        return self.load() if way == _ONNX else optimized(self.load(), way)


@dataclass
class Row:
    """A network, run in one way."""

    name: str
    by: str                             # a runtime, 'ONNX file' or ELSEWHERE
    mirrored: bool = False              # averaged with the mirrored image
    # name -> percent and, if it was measured, half the 95 % interval
    scores: dict[str, tuple[float, float | None]] = field(default_factory=dict)
    # threads -> first quartile, median and third quartile of the ms of an image
    ms: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    note: str = ''


def named_network(text: str, ways: Sequence[str]) -> Network:
    """Return the network ``NAME`` of the package, or ``CONFIG,WEIGHTS``, on the CPU.

    Files of other networks are run there, too, and threads are those of the CPU.
    """
    config, _, weights = text.rpartition(',')
    path = find_config(config or weights)
    known = weights in weights_by_name()                # they describe themselves
    return Network(Path(weights).stem, read_config(path), partial(load_model, weights, device='cpu')
                   if known else partial(load_model, path, weights, 'cpu'), ways)


def read_others(path: Path) -> tuple[list[Network], list[Row]]:
    """Read the list of other networks in a JSON file: those to measure, and reported numbers.

    Each has a ``name``. One to measure has ``onnx``, a file, relative to this one, and may have
    ``keypoints`` (a list of names, or the name of a skeleton) with ``test``, the config whose test
    set it is scored on (a name, or a path from the current folder), and ``rgb``, ``mean`` and
    ``std`` as :func:`.load_onnx_poses`. Others have ``scores`` by name, and may have ``ms`` and
    ``threads`` (1). Raises ``DataError`` for a network that is not described like this, or whose
    file or config does not exist.
    """
    networks, rows = [], []
    for place, entry in enumerate(records(read_json(path, 'write it again'), ('name',), path,
                                          'network')):
        where = f'{path}, network {place}'
        if not entry.keys() & {'onnx', 'scores'}:
            raise DataError(f"{where}: no 'onnx' (a file to measure) and no 'scores' (reported "
                            'numbers); add one')
        known = _MEASURED if 'onnx' in entry else _REPORTED
        for key, value in entry.items():
            if key not in known:
                raise DataError(f'{where}: no key {key!r}{did_you_mean(key, known)}; there are '
                                f"{', '.join(known)}")
            needed, is_fit = known[key]
            if not is_fit(value):
                raise DataError(f'{where}: {key} is {value!r:.60}; give {needed}')
        if 'onnx' in entry:
            networks.append(_onnx(path.parent, where, **entry))
        else:
            rows.append(_reported(**entry))
    return networks, rows


def _onnx(folder: Path, where: str, name: str, onnx: str, keypoints: str | Sequence[str] = (),
          test: str | None = None, **pixels: Any) -> Network:
    if not (file := folder / onnx).is_file():
        raise DataError(f'{where}: onnx is {onnx!r}, and {file} is no file; give its path from '
                        'the folder of the list')
    if isinstance(keypoints, str):
        keypoints = keypoint_names(SKELETONS[keypoints])
    try:
        config = read_config(find_config(test)) if test and keypoints else None
    except ConfigError as error:
        raise DataError(f'{where}: test: {error}') from None
    return Network(name, config, partial(load_onnx_poses, file, keypoints, **pixels), [_ONNX])


def _reported(name: str, scores: dict[str, float], ms: float | None = None, threads: int = 1
              ) -> Row:
    return Row(name, ELSEWHERE, scores={score: (value, None) for score, value in scores.items()},
               ms={threads: (ms, ms, ms)} if ms else {})


def measure(networks: Sequence[Network], scores: Sequence[str], threads: Sequence[int],
            mirror: bool = True, rounds: int = 20) -> list[Row]:
    """Score networks on their test sets, then time them in turns, for each number of threads.

    A network is scored once, run in the first of its ways; all of them give the same keypoints up
    to rounding. Where it averages with the mirrored image, there are rows with that and without,
    unless ``mirror`` is false. The time is that from the pixels of one crop to keypoints. A joint
    of the test set that a network lacks counts as not found. Raises ``ConfigError`` if a test set
    has no score of a name in ``scores``.
    """
    for network in networks:                            # before the first test, which takes long
        if network.test:
            _metric(network.test, scores)
    rows = []
    for network in networks:
        model = network.run_by(network.ways[0])
        tests = network.test if model.decode else None
        tested = [(twin.flip, _scored(twin, tests, scores) if tests else {})
                  for twin in _twins(model, mirror)]
        rows += [Row(network.name, way, *of_twin, note='' if tests else _TIME_ALONE)
                 for way, of_twin in product(network.ways, tested)]
    before = torch.get_num_threads()
    try:
        for count in threads:
            torch.set_num_threads(count)
            calls = [call for network in networks for call in _calls(network, mirror)]
            for row, seconds in zip(rows, take_turns(calls, rounds)):
                low, median, high = statistics.quantiles(seconds, n=4, method='inclusive')
                row.ms[count] = 1000 * low, 1000 * median, 1000 * high
    finally:
        torch.set_num_threads(before)
    return rows


def _twins(model: PoseNetwork, mirror: bool) -> list[PoseNetwork]:
    """Return the network without the mirrored image and, if it takes one, with it."""
    twins = [model.until_stage() for _ in range(1 + (model.flip and mirror))]
    twins[0].flip = False
    return twins


def _calls(network: Network, mirror: bool) -> Iterator[Callable[[], object]]:
    """Yield a call that runs one image, for each of the network's rows."""
    for way in network.ways:
        for twin in _twins(network.run_by(way), mirror):
            width, height = twin.input_size
            pixels = torch.randint(256, (1, 3, height, width), dtype=torch.uint8)
            yield torch.inference_mode()(partial(twin, pixels.to(twin.mean.device)))


def _metric(test: Config, scores: Sequence[str]) -> Any:
    """Return the metric of a test set, after a check that it has the scores."""
    metric = first_metric(test)
    known = metric.protocol.columns if isinstance(metric, KeypointMetric) else ()
    if missing := [name for name in scores if name not in known]:
        raise ConfigError(f"--scores {missing[0]}: the metric of {test.filename} gives "
                          f"{', '.join(known) or 'no scores of hourglass'}")
    return metric


@torch.inference_mode()
def _scored(model: PoseNetwork, test: Config, scores: Sequence[str]
            ) -> dict[str, tuple[float, float | None]]:
    """Test a network; return its scores as in :class:`Row`."""
    metric, options = _metric(test, scores), deepcopy(test.test_dataloader.dataset)
    for step in options.pipeline:
        if 'input_size' in step:                        # that of the config's own network
            step.input_size = model.input_size
    dataset = DATASETS.build(options)
    metric.dataset_meta = dataset.metainfo
    names = keypoint_names(model.dataset_meta)
    places = [names.index(name) if name in names else len(names)
              for name in keypoint_names(dataset.metainfo)]
    for start in range(0, len(dataset), _BATCH):
        samples = [dataset[index] for index in range(start, min(start + _BATCH, len(dataset)))]
        pixels = torch.stack([sample['inputs'] for sample in samples]).to(model.mean.device)
        for sample, *found in zip(samples, *(one.cpu().numpy() for one in model(pixels))):
            record = sample['data_samples'].to_dict()
            keypoints, peaks = (np.concatenate([one, np.full_like(one[:1], np.nan)])[places]
                                for one in (to_image(found[0], record), found[1]))
            metric.process([], [record | dict(pred_instances=dict(
                keypoints=keypoints[None], keypoint_scores=peaks[None]))])
    values, halves = metric.evaluate(len(dataset)), half_widths(metric.intervals)
    return {name: (values[f'{metric.prefix}/{name}'], halves[name]) for name in scores}


def table(rows: Sequence[Row], scores: Sequence[str]) -> str:
    """Format a markdown table, a row for each network and way to run it."""
    def percent(score: float | None = None, half: float | None = None) -> str:
        return plus_minus(number(score), half)

    def timing(low: float = np.nan, median: float = np.nan, high: float = np.nan) -> str:
        return number(median, '.1f') + (f' ({low:.1f}-{high:.1f})' if low < high else '')
    threads = _threads(rows)
    return markdown_table(
        [[_label(row), *(percent(*row.scores.get(name, ())) for name in scores), row.by,
          *(timing(*row.ms.get(count, ())) for count in threads), row.note] for row in rows],
        ['', *scores, 'by', *(f"ms, {counted(count, 'thread')}" for count in threads), ''])


def plot(rows: Sequence[Row], scores: Sequence[str]) -> Figure:
    """Draw each score over the time of an image, for each number of threads.

    Colours are networks, markers are ways to run them, and hollow ones average with the mirrored
    image. The fastest way has the score's interval. Networks reported elsewhere are grey numbers.
    """
    threads = _threads(rows)
    rows = [row for row in rows if row.ms and row.scores.keys() & set(scores)]
    ours = [row for row in rows if row.by != ELSEWHERE]
    colours = {name: colormaps['tab20'](place * 2 % 20 + place // 10 % 2)
               for place, name in enumerate(_distinct(ours, 'name'))}
    markers = dict(zip(_distinct(ours, 'by'), _MARKERS))
    numbers = {name: f'${place}$' for place, name in enumerate(
        _distinct([row for row in rows if row.by == ELSEWHERE], 'name'), 1)}
    figure, axes = panels(len(scores) * len(threads), len(threads), (5.5, 4.2))
    for panel, (score, count) in zip(axes, product(scores, threads)):
        lines = defaultdict(list)
        for row in rows:
            if count not in row.ms or score not in row.scores:
                continue
            low, median, high = row.ms[count]
            percent, half = row.scores[score]
            if row.by == ELSEWHERE:
                panel.plot(median, percent, color='grey', marker=numbers[row.name], ms=8)
                continue
            lines[row.name, row.mirrored].append((median, percent, half))
            panel.errorbar(
                median, percent, xerr=[[median - low], [high - median]], marker=markers[row.by],
                color=colours[row.name], mfc='none' if row.mirrored else None, elinewidth=0.7)
        for (name, _), points in lines.items():
            ms, percent, half = min(points)
            panel.errorbar(ms, percent, half, color=colours[name], elinewidth=0.7)
            panel.plot([ms, max(points)[0]], [percent] * 2, color=colours[name], lw=0.5)
        panel.set(xscale='log', ylabel=f'{score}, %',
                  xlabel=f"ms an image, {counted(count, 'thread')}")
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter('{x:g}')
        panel.xaxis.set_minor_locator(NullLocator())
    ways = {by: dict(marker=marker) for by, marker in markers.items()}
    if any(row.mirrored for row in ours):
        ways['hollow: + mirrored'] = dict(marker='o', mfc='none')
    for place, title, styles in (
            ('left', 'network', {name: dict(color=colours[name], ls='-') for name in colours}),
            ('center', 'by', ways),
            ('right', ELSEWHERE, {name: dict(marker=numbers[name], ms=8) for name in numbers})):
        if styles:
            figure.legend(loc=f'outside lower {place}', fontsize='small', title=title, handles=[
                Line2D([], [], **dict(color='grey', ls='') | style, label=label)
                for label, style in styles.items()])
    return figure


def _distinct(rows: Sequence[Row], attribute: str) -> list[str]:
    return list(dict.fromkeys(getattr(row, attribute) for row in rows))


def _threads(rows: Sequence[Row]) -> list[int]:
    return sorted({count for row in rows for count in row.ms})


def _label(row: Row) -> str:
    return row.name + (' + mirrored' if row.mirrored else '')
