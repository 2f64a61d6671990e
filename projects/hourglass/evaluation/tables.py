"""Evaluations as text, CSV and images: a table with published results, distances, PCK curves."""
from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, combinations
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.evaluation.ground_truth import Truth
from hourglass.evaluation.intervals import half_widths
from hourglass.evaluation.protocols import PROTOCOLS, Difference, Table, differences
from hourglass.evaluation.published import PUBLISHED, Row
from hourglass.evaluation.scoring import Evaluation
from hourglass.io.figures import panels, save_figure
from hourglass.io.files import replacing
from hourglass.io.tables import number, plus_minus, text_table


def table_rows(name: str, table: Table) -> list[Row]:
    """Return the row of a table, and one with half the width of its 95 % intervals."""
    return [(name, table.protocol.name, table.scores),
            ('  ±, 95 %', '', half_widths(table.intervals))]


def format_rows(rows: Sequence[Row]) -> str:
    """Format rows as lines of text: name, protocol and scores, empty without a score."""
    columns = list(dict.fromkeys(name for _, _, scores in rows for name in scores))
    return text_table([[name, protocol, *(number(scores.get(column)) for column in columns)]
                       for name, protocol, scores in rows], ['', 'protocol', *columns], '<<>')


def report(dataset: str, evaluations: Sequence[Evaluation]) -> str:
    """Return lines of text: a title, the scores, and below them published ones and differences.

    Published scores are those of the same measure.
    """
    protocol, names = evaluations[0].protocol, _names(evaluations)
    rows = chain(*(table_rows(name, evaluation.table)
                   for name, evaluation in zip(names, evaluations)))
    published = (row for row in PUBLISHED[dataset]
                 if PROTOCOLS[dataset].get(row[1], protocol).measure == protocol.measure)
    return '\n'.join([_title(evaluations[0]), format_rows([*rows, *published]),
                      *_pairs(evaluations)])


def own_report(evaluations: Sequence[Evaluation]) -> str:
    """Return lines of text as :func:`report`, with a row for each score and a column for each file.

    There may be many keypoints. Scores have half the width of their 95 % intervals beside them.
    """
    columns = []
    for evaluation in evaluations:
        halves = half_widths(evaluation.intervals)
        columns.append({
            name: plus_minus(number(score), halves.get(name))
            for name, score in (evaluation.table.scores | evaluation.more).items()})
    names = dict.fromkeys(name for column in columns for name in column)
    return '\n'.join([
        _title(evaluations[0]),
        text_table([[name, *(column.get(name, '') for column in columns)] for name in names],
                   ['', *_names(evaluations)]), *_pairs(evaluations)])


def _title(evaluation: Evaluation) -> str:
    truth = evaluation.truth
    title = f'{evaluation.protocol.title} of {len(truth)} people of {truth.path}'
    about = f' ({truth.about})' if truth.about else ''
    none = ('\nno joint is annotated, so there is no score'
            if np.isnan(evaluation.table.scores['Total']) else '')
    return title + about + none


def _names(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return the names of the prediction files, or their paths where names repeat."""
    paths = [evaluation.predictions for evaluation in evaluations]
    unique = len({path.name for path in paths}) == len(paths)
    return [path.name if unique else str(path) for path in paths]


def _pairs(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """Yield lines of text that say of each pair of evaluations whether their scores differ."""
    files = zip(_names(evaluations), evaluations)
    for (one, first), (other, second) in combinations(files, 2):
        found = differences(first.table, second.table)
        yield f'\n{one} - {other}, paired\n{_format_differences(found)}'


def _format_differences(found: Mapping[str, Difference]) -> str:
    return text_table([[name, number(difference, '+.2f'), *(
        (f'{lower:+.2f} to {upper:+.2f}', 'within chance' if lower <= 0 <= upper else 'differ')
        if lower == lower else ('', ''))] for name, (difference, lower, upper) in found.items()],
                      ['', 'difference', '95 % interval', ''], '<>><')


@contextmanager
def people_csv(path: str | Path, truth: Truth, names: Sequence[str]
               ) -> Iterator[Callable[[slice, ndarray], None]]:
    """Write a .csv file with a line per person: its row in the annotation file, every distance.

    A cell is empty where a joint is not annotated, and ``inf`` where it was not predicted. Yields
    the callback ``on_people`` of :func:`hourglass.evaluation.scoring.evaluate`.
    """
    with replacing(Path(path)) as draft, open(draft, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(['row', *names])

        def write(people: slice, distances: ndarray) -> None:
            for row, person in zip(truth.rows[people], distances.tolist()):
                writer.writerow([row, *(number(distance, '.5g') for distance in person)])
        yield write


def draw_curves(evaluations: Sequence[Evaluation], path: str | Path) -> None:
    """Draw PCK over its threshold to an image file: a panel for the total and for each group.

    All evaluations are of one protocol. A file that cannot be written is a ``DataError``.
    """
    protocol = evaluations[0].protocol
    titles = ['Total', *protocol.groups]
    figure, axes = panels(len(titles), sharex=True, sharey=True)
    for evaluation in evaluations:
        curves = evaluation.table.curves(evaluation.correct)
        for axis, curve in zip(axes, curves.values()):
            axis.plot(protocol.thresholds, curve, label=evaluation.predictions.stem)
    for axis, title in zip(axes, titles):
        axis.set(title=title, xlim=(0, protocol.curve), ylim=(0, 100))
        axis.axvline(protocol.threshold, color='grey', linewidth=0.8, linestyle=':')
    axes[0].legend(loc='lower right', fontsize='small')
    figure.suptitle(f'{protocol.measure} ({protocol.name})')
    figure.supxlabel(f'threshold, in units of {protocol.unit_name}')
    figure.supylabel('correct, %')
    save_figure(figure, path)
