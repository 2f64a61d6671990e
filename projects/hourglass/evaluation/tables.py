"""Evaluations for people to read: a table with published results, and PCK curves."""
import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from numpy import ndarray

from hourglass.errors import DataError
from hourglass.evaluation.ground_truth import Truth
from hourglass.evaluation.published import PUBLISHED, Row
from hourglass.evaluation.scoring import Evaluation


def table(rows: Sequence[Row]) -> str:
    """Return lines of text: name, protocol and scores in columns, empty without a score."""
    columns = list(dict.fromkeys(name for _, _, scores in rows for name in scores))
    cells = [['', 'protocol', *columns]] + [
        [name, protocol, *(f'{scores[c]:.2f}' if c in scores and scores[c] == scores[c] else ''
                           for c in columns)] for name, protocol, scores in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return '\n'.join('  '.join(cell.ljust(width) if i < 2 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
                     .rstrip() for row in cells)


def report(dataset: str, evaluations: Sequence[Evaluation]) -> str:
    """Return lines of text: a title, the scores, and below them the published ones.

    Files go by their names, or by their paths where names repeat.
    """
    protocol, truth = evaluations[0].protocol, evaluations[0].truth
    paths = [evaluation.predictions for evaluation in evaluations]
    unique = len({path.name for path in paths}) == len(paths)
    about = f' ({truth.about})' if truth.about else ''
    lines = [f'{protocol.title} of {len(truth)} people of {truth.path}{about}']
    if not evaluations[0].counts.annotated.any():
        lines.append('no joint is annotated, so there is no score')
    lines.append(table([
        *((path.name if unique else str(path), protocol.name, evaluation.scores)
          for path, evaluation in zip(paths, evaluations, strict=True)), *PUBLISHED[dataset]]))
    return '\n'.join(lines)


@contextmanager
def people_csv(path: str | Path, truth: Truth, names: Sequence[str]
               ) -> Iterator[Callable[[slice, ndarray], None]]:
    """Write a .csv file with a line per person: its row in the annotation file, every distance.

    Empty where a joint is not annotated, ``inf`` where it was not predicted. Yields the callback
    ``on_people`` of :func:`hourglass.evaluation.scoring.evaluate`.
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


def draw_curves(evaluations: Sequence[Evaluation], path: str | Path) -> None:
    """Draw PCK over its threshold to an image file: a panel for the total and for each group.

    Args:
        evaluations: all of one protocol.
        path: ``.png``, or another format of matplotlib.

    Raises:
        DataError: if the file cannot be written.
    """
    from matplotlib.figure import Figure  # slow to import

    protocol = evaluations[0].protocol
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
        axis.set(title=panel, xlim=(0, protocol.curve), ylim=(0, 100))
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
