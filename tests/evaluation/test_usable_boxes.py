"""People with a usable box are counted at each score, after suppression."""
import numpy as np
import pytest

from hourglass.evaluation.usable_boxes import UsableBoxes

PERSON = np.array([[10.0, 10], [30, 10], [10, 50], [30, 50]])


def image(*scores: float) -> dict:
    """Two people 100 px apart; the first has boxes of these scores, all equal."""
    box = [9, 9, 32, 52]
    return dict(keypoints_image=[PERSON, PERSON + 100], image_size=(200, 160),
                found=np.array([[*box, score] for score in scores]).reshape(-1, 5))


def test_people_and_boxes_are_counted_at_each_score():
    metric = UsableBoxes(scores=(0.3, 0.5))
    metric.process([], [image(0.4, 0.35), image(0.9), image()])
    found = metric.evaluate(3)
    assert found == {
        'boxes/usable@0.3': pytest.approx(100 / 3), 'boxes/usable@0.5': pytest.approx(100 / 6),
        'boxes/boxes@0.3': pytest.approx(2 / 3), 'boxes/boxes@0.5': pytest.approx(1 / 3)}
    lower, upper = metric.intervals['usable@0.3']
    assert 0 <= lower < 100 / 3 < upper <= 50


def test_boxes_that_hardly_overlap_remain():
    metric = UsableBoxes(scores=(0.3,), overlap=0.9)
    sample = image(0.4, 0.35)
    sample['found'][1, 2] += 10
    metric.process([], [sample])
    assert metric.evaluate(1)['boxes/boxes@0.3'] == 2


def test_a_box_is_cut_at_the_images_border():
    """Its area outside would be too large for the person."""
    metric, sample = UsableBoxes(scores=(0.3,)), image(0.4)
    sample['found'][0, :2] = -60
    metric.process([], [sample])
    assert metric.evaluate(1)['boxes/usable@0.3'] == 50


def test_people_with_fewer_than_two_joints_do_not_count():
    metric, sample = UsableBoxes(scores=(0.3,)), image(0.4)
    alone = np.full((4, 2), np.nan)
    alone[0] = 10
    sample['keypoints_image'] = [PERSON, alone, np.full((4, 2), np.nan)]
    metric.process([], [sample])
    assert metric.evaluate(1)['boxes/usable@0.3'] == 100


def test_boxes_without_area_in_the_image_do_not_count_and_the_sample_stays():
    metric, sample = UsableBoxes(scores=(0.3,)), image(0.4, 0.5)
    sample['found'][1, :4] = -9, -9, -5, -5
    before = sample['found'].copy()
    metric.process([], [sample])
    assert metric.evaluate(1)['boxes/boxes@0.3'] == 1 and np.array_equal(sample['found'], before)


def test_without_anybody_to_count_there_is_no_share():
    metric, sample = UsableBoxes(scores=(0.3,)), image(0.4)
    sample['keypoints_image'] = []
    metric.process([], [sample] * 2)
    assert metric.evaluate(2) == {'boxes/usable@0.3': None, 'boxes/boxes@0.3': 1}


def test_a_box_with_just_the_score_counts():
    metric = UsableBoxes(scores=(0.3,))
    metric.process([], [image(0.3)])
    assert metric.evaluate(1)['boxes/boxes@0.3'] == 1
