"""The numbers of a report against numbers worked out by hand."""
import numpy as np
import pytest

from hourglass.analysis.report import findings
from hourglass.evaluation.metrics import Scored
from hourglass.evaluation.protocols import FLIC

PROTOCOL = FLIC['torso']
JOINTS = PROTOCOL.scored                # the elbows first


@pytest.fixture
def scored() -> Scored:
    """Four people with elbows alone; the prediction and two stages. The threshold is 0.2."""
    predicted = np.full((4, len(JOINTS)), np.nan)
    predicted[:, :2] = [[.1, .3], [.15, np.nan], [9., .0], [np.nan, np.nan]]
    stages = [np.where(np.isnan(predicted), np.nan, 1.), predicted]
    occluded = np.zeros((4, len(JOINTS)), bool)
    occluded[0, 1] = True
    return Scored(PROTOCOL, JOINTS, [5, 6, 7, 8], ['a', 'a', 'b', 'c'],
                  np.stack([predicted, *stages]), occluded,
                  np.linspace(0, 1, occluded.size).reshape(occluded.shape))


def test_every_stage_has_a_row(scored):
    rows = dict(findings.stage_rows(scored))
    elbows = 100 * (2 / 3 + 1 / 2) / 2
    assert {name: row.scores['Elbow'] for name, row in rows.items()} == pytest.approx(
        {'prediction': elbows, 'stage 0': 0, 'stage 1': elbows})


def test_occluded_joints_have_a_row_only_where_some_are_annotated(scored):
    rows = dict(findings.visibility_rows(scored))
    assert rows['visible'].scores['Elbow'] == pytest.approx(100 * (2 / 3 + 1) / 2)
    assert rows['occluded'].scores['Elbow'] == 0
    scored.occluded[:] = False
    assert findings.visibility_rows(scored) == []


def test_visible_joints_are_told_from_occluded_ones_by_their_peaks(scored):
    # five annotated elbows, the second of them occluded, with rising peaks
    false, true, area = findings.visible_roc(scored)
    assert area == 0.75 and false.tolist()[-1] == true.tolist()[-1] == 1
    scored.occluded[:] = False
    assert findings.visible_roc(scored) is None


def test_people_are_grouped_by_size(scored):
    rows = findings.size_rows(scored, np.array([30., 10., 20., np.nan]))
    assert [(name, row.scores['Elbow']) for name, row in rows] == [
        ('10 to 10 px (1 people)', 100), ('20 to 20 px (1 people)', 50),
        ('30 to 30 px (1 people)', 50)]


def test_the_worst_come_first_and_one_joint_far_away_does_not_decide(scored):
    scored.distances[0, 0, :2] = [.35, .4]          # mean 0.375; person 2: (0.4 + 0) / 2
    assert findings.by_error(scored).tolist() == [0, 2, 1]


def test_a_curve_rises_from_threshold_to_threshold(scored):
    thresholds, elbow = findings.curves(scored)['Elbow']
    assert elbow[thresholds.searchsorted(0.12)] == pytest.approx(100 * (1 / 3 + 1 / 2) / 2)
    assert elbow[-1] == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)


def test_the_worst_people_are_a_table_with_their_furthest_joints(scored):
    # the mean of person 2 is (0.4 + 0) / 2: 9 torsos count as twice the curve's end
    assert findings.worst_table(scored, [10, 11, 12, 13], 2).splitlines()[2:] == [
        '| 10 | a | 0.20 | 1 of 2 | left elbow 0.30, right elbow 0.10 |',
        '| 12 | b | 0.20 | 1 of 2 | right elbow 9.00, left elbow 0.00 |']
