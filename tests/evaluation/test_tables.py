"""Tables, curves and lists of distances show the scores of the files they are made from."""
import csv

import h5py
import numpy as np
import pytest
from matplotlib.figure import Figure
from pairs import zip_equal

from hourglass.datasets.person import Person
from hourglass.datasets.skeletons import LSP as LSP_SKELETON
from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import DataError
from hourglass.evaluation.ground_truth import Truth, read_truth
from hourglass.evaluation.pck import People
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.evaluation.protocols import LSP, MPII
from hourglass.evaluation.published import PUBLISHED
from hourglass.evaluation.scoring import evaluate
from hourglass.evaluation.tables import draw_curves, format_rows, people_csv, report


@pytest.fixture
def evaluations(tmp_path, rng) -> list:
    """Two prediction files of 20 people, a good one and a bad one."""
    joints = rng.uniform(20, 300, (20, 16, 2))
    with h5py.File(tmp_path / 'valid.h5', 'w') as file:
        file['part'], file['normalize'] = joints, np.full(20, 30.0)
        file['visible'] = np.ones((20, 16))
    truth, found = read_truth('mpii', tmp_path / 'valid.h5'), []
    for name, noise in (('good', 2), ('bad', 12)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / 'a.npy', joints + rng.normal(0, noise, joints.shape))
        predictions = read_predictions(tmp_path / name / 'a.npy', truth.rows, 16)
        found.append(evaluate(truth, predictions, MPII['official']))
    return found


def test_a_column_is_as_wide_as_its_widest_cell_and_a_missing_score_is_empty():
    assert format_rows([('mine', 'official', dict(Total=9.126, Head=100.0)),
                  ('other', 'x', dict(Head=float('nan'), Ankle=1.0))]).splitlines() == [
        '       protocol  Total    Head  Ankle',
        'mine   official   9.13  100.00',
        'other  x                         1.00']


def test_files_of_one_name_go_by_their_paths_and_published_rows_follow(evaluations, tmp_path):
    lines = report('mpii', evaluations).splitlines()
    assert lines[0] == f"PCKh@0.5 (official) of 20 people of {tmp_path / 'valid.h5'}"
    assert [line.split()[0] for line in lines[2:6]] == [
        str(tmp_path / 'good/a.npy'), '±,', str(tmp_path / 'bad/a.npy'), '±,']
    assert [float(line.split()[2]) for line in lines[2:6:2]] == pytest.approx(
        [evaluation.table.scores['Total'] for evaluation in evaluations], abs=0.005)
    lower, upper = evaluations[1].table.intervals['Total']
    assert upper - lower > 2
    assert float(lines[5].split()[3]) == pytest.approx((upper - lower) / 2, abs=0.005)
    alone = report('mpii', evaluations[:1]).splitlines()
    assert alone[2].startswith('a.npy  ') and len(alone) == 4 + len(PUBLISHED['mpii'])


def test_each_pair_of_files_is_compared(evaluations, tmp_path):
    good, bad = evaluations
    _, first, second, _ = report('mpii', [good, bad, good]).split('\n\n')
    heading, header, total, *others = first.splitlines()
    assert heading == f"{tmp_path / 'good/a.npy'} - {tmp_path / 'bad/a.npy'}, paired"
    assert header.split() == ['difference', '95', '%', 'interval']
    difference = good.table.scores['Total'] - bad.table.scores['Total']
    assert total.split()[:2] == ['Total', f'{difference:+.2f}'] and total.endswith('  differ')
    assert len(others) == len(good.table.scores) - 1
    assert second.splitlines()[2].split()[1:] == [
        '+0.00', '+0.00', 'to', '+0.00', 'within', 'chance']


def test_nothing_is_said_of_chance_without_an_interval(evaluations):
    for evaluation in evaluations:
        evaluation.table.sums = evaluation.table.sums.sum(0, keepdims=True)     # a single image
    rows = report('mpii', evaluations).split('\n\n')[1].splitlines()[2:]
    assert rows and all(len(row.split()) == 2 for row in rows)          # name and difference


@pytest.mark.parametrize(('protocol', 'columns'), [
    ('official', {'Shoulder', 'Ankle'}), ('pcp', {'Torso', 'Forearm'})])
def test_published_rows_are_those_of_the_same_measure(tmp_path, rng, protocol, columns):
    joints = rng.uniform(20, 300, (3, 14, 2))
    people = [Person(image_name=f'{row}.jpg', center_image=np.ones(2), side_image=1.0, row=row,
                     keypoints_image=pose, occluded=np.zeros(14, bool))
              for row, pose in enumerate(joints)]
    names = keypoint_names(LSP_SKELETON)
    truth = Truth(tmp_path / 'joints.mat', names, range(3), ['a', 'b', 'c'], 1, '', 'test',
                  People.of([vars(person) for person in people]).__getitem__)
    np.save(tmp_path / 'a.npy', joints + 1)
    predictions = read_predictions(tmp_path / 'a.npy', truth.rows, 14)
    lines = report('lsp', [evaluate(truth, predictions, LSP[protocol])]).splitlines()
    assert columns < set(lines[1].split()) and len(lines) == 4 + 5
    assert all(protocol in line for line in lines[4:])


def test_curves_rise_to_the_scores(evaluations, tmp_path, monkeypatch):
    figures = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, 'savefig', lambda figure, *args, **options: (
        figures.append(figure), save(figure, *args, **options)))
    draw_curves(evaluations, tmp_path / 'new/curves.png')
    assert (tmp_path / 'new/curves.png').read_bytes().startswith(b'\x89PNG')
    figure, = figures
    groups = [axis.get_title() for axis in figure.axes]
    assert groups == ['Total', 'Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle']
    for axis, group in zip_equal(figure.axes, groups):
        *curves, threshold = axis.lines
        assert threshold.get_xdata()[0] == 0.5
        assert axis.get_xlim() == (0, 0.5) and axis.get_ylim() == (0, 100)
        for curve, evaluation in zip_equal(curves, evaluations):
            assert (np.diff(curve.get_ydata()) >= 0).all() and len(curve.get_xdata()) == 51
            assert curve.get_ydata()[-1] == pytest.approx(evaluation.table.scores[group])
    assert figure.get_suptitle() == 'PCKh (official)'
    assert "the head's box" in figure.get_supxlabel() and '%' in figure.get_supylabel()
    with pytest.raises(DataError, match='a.png: cannot be written .*you may write to'):
        draw_curves(evaluations, '/dev/null/a.png')


def test_a_line_per_person_with_every_distance(evaluations, tmp_path):
    truth = evaluations[0].truth
    with people_csv(tmp_path / 'new/people.csv', truth, ['elbow', 'wrist']) as on_people:
        on_people(slice(0, 1), np.array([[0.25, np.nan]]))
        on_people(slice(1, 2), np.array([[np.inf, 1 / 3]]))
    with open(tmp_path / 'new/people.csv', newline='') as file:
        assert list(csv.reader(file)) == [
            ['row', 'elbow', 'wrist'], ['0', '0.25', ''], ['1', 'inf', '0.33333']]
    with (pytest.raises(DataError, match='people.csv: cannot be written'),
          people_csv('/dev/null/people.csv', truth, [])):
        pass
