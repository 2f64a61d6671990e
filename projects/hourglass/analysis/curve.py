"""How far runs of training have come: iterations, losses and scores, from the logs of mmengine."""
from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from hourglass.errors import DataError
from hourglass.io.tables import markdown_table, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Entry = dict[str, float]


@dataclass(frozen=True)
class Curve:
    """The log of a run: entries of the training, and of validations with the iteration before."""

    name: str
    steps: list[Entry]
    scores: list[Entry]

    def row(self) -> list[str]:
        """Return name, iterations, loss, rate, s an iteration, and the share of waiting.

        Times that are not logged leave their cells empty.
        """
        last, timed = self.steps[-1], [step for step in self.steps if 'time' in step]
        loaded = [step for step in timed if 'data_time' in step]
        seconds = median(step['time'] for step in timed) if timed else None
        waiting = (sum(step['data_time'] for step in loaded) / sum(step['time'] for step in loaded)
                   if loaded else None)
        return [self.name, f"{last['iter']:,}", f"{last['loss']:.4g}", f"{last['lr']:.3g}",
                number(seconds, '.3g'), number(waiting, '.1%')]

    def score_rows(self) -> list[list[str]]:
        """Return a row for each score: its last value, the highest and the lowest, and where."""
        rows = []
        for name in dict.fromkeys(key for entry in self.scores for key in entry if key != 'iter'):
            values = [(entry[name], int(entry['iter'])) for entry in self.scores
                      if name in entry and not math.isnan(entry[name])]
            if values:
                rows.append([self.name, name, f'{values[-1][0]:.2f}', *(
                    f'{value:.2f} at {at:,}' for value, at in (max(values), min(values)))])
        return rows


def read_curve(run: Path) -> Curve:
    """Read the logs of a work folder, or one file; a resumed run replaces what it has repeated.

    Raises ``DataError`` if there is none, or one is damaged.
    """
    steps: list[Entry] = []
    scores: list[Entry] = []
    for path in [run] if run.is_file() else sorted(run.glob('*/vis_data/scalars.json')):
        begun = False
        for place, line in enumerate(path.read_text(errors='replace').splitlines(keepends=True), 1):
            if not line.endswith('\n'):             # being written, or the process was killed
                break
            try:
                entry = json.loads(line)
            except ValueError:
                raise DataError(f'{path}, line {place}: not JSON; remove the line') from None
            if 'loss' in entry:
                if not begun:
                    steps = [step for step in steps if step['iter'] < entry['iter']]
                    scores = [one for one in scores if one['iter'] < entry['iter']]
                    begun = True
                steps.append(entry)
            elif steps:
                scores.append({'iter': steps[-1]['iter'], **{
                    name: value for name, value in entry.items() if '/' in name}})
    if not steps:
        raise DataError(f'{run}: has no log of a training; give the work folder of a run that has '
                        'logged an iteration, or one of its files TIME/vis_data/scalars.json')
    path = run.absolute()
    if path.parent.name == 'vis_data':              # a log in its work folder
        path = path.parents[2]
    return Curve(path.stem if path.is_file() else path.name, steps, scores)


def table(curves: Sequence[Curve]) -> str:
    """Return the state of each run, and its scores if it has been validated."""
    parts = [markdown_table([curve.row() for curve in curves], [
        'run', 'iterations', 'loss', 'rate', 's an iteration', 'waiting for data'])]
    if rows := [row for curve in curves for row in curve.score_rows()]:
        parts.append(markdown_table(rows, ['run', 'score', 'last', 'highest', 'lowest'], '<<>'))
    return '\n\n'.join(parts)


def plot(curves: Sequence[Curve], score: str | None = None) -> Figure:
    """Draw losses, rates and one of the scores over the iterations, one run behind the other."""
    from hourglass.io.figures import panels
    names = ['loss', 'lr', *([score] if score else [])]
    figure, axes = panels(len(names), columns=3, size=(4.4, 3.1))
    done = 0.0
    for curve in curves:
        for panel, name in zip(axes, names):
            entries = curve.scores if name == score else curve.steps
            points = [(done + one['iter'], one[name]) for one in entries if name in one]
            panel.plot([x for x, _ in points], [y for _, y in points],
                       '.-' if name == score else '-', label=curve.name, linewidth=1)
        done += curve.steps[-1]['iter']
    for panel, name in zip(axes, names):
        panel.set(xlabel='iterations', ylabel='learning rate' if name == 'lr' else name)
    axes[0].set_yscale('log')
    axes[0].legend()
    return figure
