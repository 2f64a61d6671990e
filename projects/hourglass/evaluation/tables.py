"""Evaluations for people to read: a table with published results, and PCK curves."""
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from matplotlib.figure import Figure
from numpy import ndarray

from hourglass.errors import DataError
from hourglass.evaluation.ground_truth import Truth
from hourglass.evaluation.protocols import Protocol
from hourglass.evaluation.published import PUBLISHED


def table(rows: Sequence[tuple[str, str, Mapping[str, float]]]) -> str:
    """Lines of text: name, protocol and scores in columns; what a row does not have stays empty."""
    columns = list(dict.fromkeys(name for _, _, scores in rows for name in scores))
    cells = [['', 'protocol', *columns]] + [
        [name, protocol, *(f'{scores[c]:.2f}' if c in scores and scores[c] == scores[c] else ''
                           for c in columns)] for name, protocol, scores in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return '\n'.join('  '.join(cell.ljust(width) if i < 2 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
                     .rstrip() for row in cells)


def with_published(dataset: str, rows: Sequence[tuple[str, str, Mapping[str, float]]]
                   ) -> list[tuple[str, str, Mapping[str, float]]]:
    """The rows, and below them what others published on the data set, protocol by protocol."""
    return [*rows, *((f'{row.name}, {row.people}', row.protocol, row.scores)
                     for row in PUBLISHED[dataset])]


@contextmanager
def people_csv(path: str | Path, truth: Truth, names: Sequence[str]) -> Iterator[Callable]:
    """A .csv file with a line per person: the row in the annotation file, and every distance.

    Empty where a joint is not annotated, ``inf`` where it was not predicted. Yields what
    :func:`hourglass.evaluation.scoring.evaluate` calls with people and their distances.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, 'w', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            writer.writerow(['row', *names])

            def write(people: slice, distances: ndarray) -> None:
                for row, person in zip(truth.rows[people], distances.tolist(), strict=True):
                    writer.writerow([row, *('' if d != d else f'{d:.5g}' for d in person)])
            yield write
    except OSError as error:
        raise DataError(f'{path}: cannot be written ({error.strerror})') from None


def draw_curves(evaluations: Sequence, path: str | Path) -> None:
    """PCK over its threshold into one image file: a panel for the total and for each group.

    Args:
        evaluations: :class:`hourglass.evaluation.scoring.Evaluation`, all of one protocol.
        path: ``.png``, or what else matplotlib writes.

    Raises:
        DataError: if the file cannot be written.
    """
    protocol: Protocol = evaluations[0].protocol
    panels = ['Total', *protocol.groups]
    rows = -(-len(panels) // 4)
    figure = Figure(figsize=(13, 3.1 * rows + 0.6), layout='constrained')
    axes = figure.subplots(rows, 4, sharex=True, sharey=True, squeeze=False).ravel()
    for evaluation in evaluations:
        counts, names = evaluation.counts, evaluation.names
        curves = {'Total': protocol.total(counts, names), **protocol.curves(counts, names)}
        for axis, panel in zip(axes, panels, strict=False):
            axis.plot(counts.thresholds, curves[panel], label=evaluation.predictions.stem)
    for axis, panel in zip(axes, panels, strict=False):
        axis.set_title(panel)
        axis.set_xlim(0, protocol.curve)
        axis.set_ylim(0, 100)
        axis.grid(alpha=0.3)
        axis.axvline(protocol.threshold, color='grey', linewidth=0.8, linestyle=':')
    for axis in axes[len(panels):]:
        axis.remove()
    axes[0].legend(loc='lower right', fontsize='small')
    figure.suptitle(f'{protocol.measure} ({protocol.name})')
    figure.supxlabel(f'threshold, in units of {protocol.unit_name}')
    figure.supylabel('correct, %')
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=100)
    except (OSError, ValueError) as error:
        raise DataError(f'{path}: curves cannot be written ({error}); name a .png file in a folder '
                        'you may write to') from None

