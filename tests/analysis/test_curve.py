"""Logs of runs: one that was resumed, one that is being written, validations between iterations."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from hourglass.analysis.curve import plot, read_curve, table
from hourglass.errors import DataError


def step(number: int, loss: float) -> dict:
    return dict(iter=number, step=number, loss=loss, lr=0.1, time=2.0, data_time=0.5)


def write(folder, time: str, *entries: dict, more: str = '') -> None:
    path = folder / time / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(f'{json.dumps(entry)}\n' for entry in entries) + more)


@pytest.fixture
def run(tmp_path):
    """Killed after 30 iterations, and resumed from 20; the score is best at 20."""
    write(tmp_path, '1', step(10, 5), {'lsp/Total': 40.0, 'step': 1}, step(20, 4),
          {'lsp/Total': 60.0, 'step': 2}, step(30, 9), {'lsp/Total': 0.0, 'step': 3})
    write(tmp_path, '2', step(30, 3), {'lsp/Total': 50.0, 'data_time': 1.0, 'step': 3},
          more='{"loss": 1')
    return tmp_path


def test_a_resumed_run_replaces_what_it_repeats(run):
    curve = read_curve(run)
    assert [(one['iter'], one['loss']) for one in curve.steps] == [(10, 5), (20, 4), (30, 3)]
    assert curve.scores == [{'iter': at, 'lsp/Total': score} for at, score in (
        (10, 40), (20, 60), (30, 50))]


def test_the_table_has_the_state_and_the_best_scores(run):
    state, scores = table([read_curve(run)] * 2).split('\n\n')
    assert state.splitlines()[-1] == f'| {run.name} | 30 | 3 | 0.1 | 2 | 25.0% |'
    assert scores.splitlines()[-1] == (
        f'| {run.name} | lsp/Total | 50.00 | 60.00 at 20 | 40.00 at 10 |')


def test_a_score_that_is_nan_is_neither_the_best_nor_the_worst(tmp_path):
    write(tmp_path, '1', step(10, 5), {'a/b': float('nan'), 'c/d': float('nan')}, step(20, 4),
          {'a/b': 5.0, 'c/d': float('nan')})
    assert read_curve(tmp_path).score_rows() == [
        [tmp_path.name, 'a/b', '5.00', '5.00 at 20', '5.00 at 20']]


def test_times_that_are_not_logged_leave_their_cells_empty(tmp_path):
    entry = step(5, 2)
    del entry['data_time']
    write(tmp_path, '1', entry)
    assert read_curve(tmp_path).row()[4:] == ['2', '']
    del entry['time']
    write(tmp_path, '2', entry)
    assert read_curve(tmp_path).row()[4:] == ['', '']


def test_runs_are_drawn_one_behind_the_other(run):
    losses, _, scores = plot([read_curve(run)] * 2, 'lsp/Total').axes
    assert [line.get_xdata().tolist() for line in losses.lines] == [[10, 20, 30], [40, 50, 60]]
    assert scores.lines[1].get_ydata().tolist() == [40, 60, 50]


def test_a_log_that_was_kept_alone_is_read(run, tmp_path, monkeypatch):
    log = run / '1/vis_data/scalars.json'
    assert read_curve(log).name == run.name
    monkeypatch.chdir(log.parent)
    assert read_curve(Path('scalars.json')).name == run.name
    kept = log.rename(tmp_path / 'scalars.json')
    monkeypatch.chdir(tmp_path)
    curve = read_curve(Path(kept.name))
    assert (curve.name, [one['iter'] for one in curve.steps]) == ('scalars', [10, 20, 30])


def test_a_folder_without_a_log_and_a_damaged_line_are_named(run, tmp_path):
    with pytest.raises(DataError, match='no_run: has no log of a training'):
        read_curve(tmp_path / 'no_run')
    write(run, '3', step(40, 2), more='{"loss": \n')
    with pytest.raises(DataError, match=r'scalars.json, line 2: not JSON'):
        read_curve(run)
