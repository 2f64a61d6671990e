"""How the time grows with the work: images, people, stacks, processes, annotations."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure

from hourglass.analysis.loading import measure_loading
from hourglass.analysis.prediction_speed import predict_all
from hourglass.errors import HourglassError
from hourglass.inference.model import load_model
from hourglass.inference.sources import ImageFiles
from hourglass.io.figures import panels
from hourglass.io.tables import markdown_table
from hourglass.models.network import StackedHourglass

_SIZE = (640, 480)                      # (w, h) px of an image
_CROWDS = 20                            # images, each with so many people
_SHARED = 100                           # images for each process
_REPEATS = 5


@dataclass(frozen=True)
class Growth:
    """Seconds by the size of the work."""

    work: str
    seconds: dict[int, float]

    def rows(self) -> list[list[str]]:
        """Return a row for each size: the work, the size, seconds, and ms for one of the size."""
        return [[self.work, f'{size:,}', f'{seconds:.3g}', f'{1000 * seconds / size:.3g}']
                for size, seconds in self.seconds.items()]


def measure_growth(work: str, sizes: Sequence[int], weights: str) -> Growth:
    """Measure one of :data:`WORKS` for each size; ``weights`` are those that predict.

    Raises ``HourglassError`` if processes cannot be started.
    """
    return Growth(work, {size: WORKS[work](size, weights) for size in sizes})


def _images(count: int, weights: str, people: int = 1) -> float:
    model, height = load_model(weights), _SIZE[1]
    boxes = np.array([[40, 20, 40 + height / 2, height - 20]] * people)
    with TemporaryDirectory() as folder:
        source = ImageFiles(str(_written(Path(folder), count)))
        start = perf_counter()
        predict_all(model, source, lambda _: boxes)
        return perf_counter() - start


def _people(people: int, weights: str) -> float:
    return _images(_CROWDS, weights, people) / _CROWDS


@torch.no_grad()
def _stacks(stacks: int, weights: str) -> float:
    network, image = StackedHourglass(stacks).eval(), torch.rand(1, 3, 256, 256)
    seconds = []
    for _ in range(_REPEATS):
        start = perf_counter()
        network(image)
        seconds.append(perf_counter() - start)
    return median(seconds)


def _processes(count: int, weights: str) -> float:
    with TemporaryDirectory() as folder:
        images = _written(Path(folder), _SHARED * count)
        start = perf_counter()
        ended = subprocess.run(
            [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node',
             str(count), '-m', 'hourglass', 'predict', str(images), '--whole-image', '--weights',
             weights, '--no-overlays', '--out', f'{folder}/found', '--launcher', 'pytorch'],
            env=os.environ | dict(OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES=''), text=True,
            capture_output=True)
        if ended.returncode:
            why = [line.removeprefix('error: ') for line in ended.stderr.splitlines()
                   if line.startswith('error: ')]
            raise HourglassError(f"{count} processes: {why[-1] if why else 'failed'}")
        return perf_counter() - start


def _written(folder: Path, count: int) -> Path:
    """Write one photograph-like image under many names; return its folder."""
    (folder / 'images').mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    first = folder / 'images/0.jpg'
    cv2.imwrite(str(first), cv2.resize(noise, _SIZE, interpolation=cv2.INTER_CUBIC))
    for number in range(1, count):
        os.link(first, first.parent / f'{number}.jpg')
    return first.parent


WORKS: dict[str, Callable[[int, str], float]] = {
    'images': _images,
    'people in an image': _people,
    'stacks of 256 features': _stacks,
    f'processes on the CPU, {_SHARED} images each': _processes,
    'annotated people': lambda people, _: measure_loading(people, memory=False).seconds}


def table(growths: Sequence[Growth]) -> str:
    """Return all sizes as a table in Markdown."""
    return markdown_table([row for growth in growths for row in growth.rows()],
                          ['work', 'size', 'seconds', 'ms for one'])


def plot(growths: Sequence[Growth]) -> Figure:
    """Draw a panel for each work, both axes logarithmic.

    Along the dashed line, through the largest size, the time is in proportion to the size.
    """
    figure, axes = panels(len(growths), columns=3)
    for panel, growth in zip(axes, growths):
        sizes, seconds = np.array(list(growth.seconds.items())).T
        panel.loglog(sizes, seconds, 'o-', label='measured')
        panel.loglog(sizes, sizes * seconds[-1] / sizes[-1], 'k--', lw=1, label='in proportion')
        shown = np.r_[seconds, seconds[-1] / sizes[-1] * sizes[0]]
        panel.set(xlabel=growth.work, ylabel='seconds', ylim=10**np.r_[
            np.floor(np.log10(shown.min())), np.ceil(np.log10(shown.max()))])
        panel.set_xticks(sizes, [f'{size:,.0f}' for size in sizes])
        panel.minorticks_off()
        panel.yaxis.set_major_formatter('{x:g}')
    axes[0].legend()
    return figure
