"""COCO's AP: known values of OKS, and intervals."""
import numpy as np
import pytest
from fresh_python import run

from hourglass.datasets.person import Person, coco_annotation
from hourglass.evaluation.oks import average_precision

SIGMAS = np.full(4, 0.1)


def people(shift: float = 0.0, count: int = 20) -> tuple[list[dict], list[dict]]:
    """People of 100x100 px, two on each image, predicted ``shift`` px to the right."""
    corners = np.array([[0, 0], [100, 0], [0, 100], [100, 100]], float)
    truth = [coco_annotation(Person(
        image_name='', center_image=corners[0], side_image=1, keypoints_image=corners + 300 * i,
        occluded=np.zeros(4, bool), pck_unit=1, row=i), i // 2) for i in range(count)]
    found = [dict(image_id=i // 2, keypoints=corners + 300 * i + [shift, 0], score=1 - i / 100)
             for i in range(count)]
    return truth, found


def shift_of(oks: float) -> float:
    """The shift, in px, that makes this OKS: exp(-d^2 / (2 area (2 sigma)^2))."""
    return float(np.sqrt(-2 * 0.53 * 100**2 * 0.2**2 * np.log(oks)))


def test_perfect_predictions_score_100_and_shifted_ones_by_the_definition():
    assert average_precision(*people(), SIGMAS)[0]['AP'] == pytest.approx(100)
    # thresholds are 0.5, 0.55, ..., 0.95: six of ten are at most 0.77
    scores, _ = average_precision(*people(shift_of(0.77)), SIGMAS)
    assert scores['AP50'] == scores['AP75'] == pytest.approx(100)
    assert scores['AP'] == scores['AR'] == pytest.approx(60)
    assert np.isnan(scores['AP-large']) == (0.53 * 100**2 < 96**2)
    assert average_precision(*people(shift_of(0.49)), SIGMAS)[0]['AP'] == 0


def test_a_keypoint_without_prediction_lowers_oks_and_a_person_without_any_is_missed():
    truth, found = people()
    for person in found:
        person['keypoints'][0] = np.nan                     # OKS 3 / 4: up to threshold 0.75
    assert average_precision(truth, found, SIGMAS)[0]['AR'] == pytest.approx(60)
    for person in found[::2]:
        person['keypoints'][:] = np.nan
    assert average_precision(truth, found, SIGMAS)[0]['AR'] == pytest.approx(30)


def test_a_prediction_on_an_image_without_people_is_wrong():
    truth, found = people()
    found.append(dict(found[0], image_id=99, score=2))                      # the surest of 21
    # precision is n / (n + 1) up to the n-th of 20 people, at most 20 / 21 at every recall
    assert average_precision(truth, found, SIGMAS)[0]['AP'] == pytest.approx(100 * 20 / 21)


def test_a_wrong_prediction_with_a_missing_keypoint_is_wrong():
    truth, found = people()
    for one in list(found):
        away = one['keypoints'] + 5000
        away[0] = np.nan
        found.append(dict(one, keypoints=away, score=2))            # surer than the right ones
    assert average_precision(truth, found, SIGMAS)[0]['AP'] == pytest.approx(50)


def test_intervals_have_the_width_that_theory_gives():
    truth, found = people(count=400)
    for image_id, one in enumerate(truth):
        one['image_id'] = image_id                          # a person on each image
    found = [dict(one, image_id=i) for i, one in enumerate(found) if i % 4]
    scores, intervals = average_precision(truth, found, SIGMAS)
    assert scores['AR'] == pytest.approx(75) and scores['AP'] == pytest.approx(75, abs=1)
    # the share of 400 people: 100 * 1.96 * (0.75 * 0.25 / 400)**0.5 = 4.24; 1,000 resamples
    assert intervals.keys() == {'AP', 'AP50', 'AP75', 'AR', 'AR50', 'AR75'}
    for name in intervals:
        lower, upper = intervals[name]
        assert lower < scores[name] < upper and upper - lower == pytest.approx(8.49, rel=0.1)
    assert np.isnan(average_precision(*people(count=2), SIGMAS)[1]['AP']).all()     # of one image
    assert average_precision(truth, [], SIGMAS)[1]['AP'] == (0, 0)


def test_annotated_keypoints_are_counted_whatever_the_annotation_says():
    truth, found = people()
    for one in truth[::2]:
        one['num_keypoints'] = 0                            # COCO's evaluation would ignore them
    assert average_precision(truth, found[1::2], SIGMAS)[0]['AR'] == pytest.approx(50)


PROGRAM = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if {blocked} and name.split('.')[0] == 'xtcocotools':
            raise ModuleNotFoundError(name)
sys.path[:0] = ['tests', 'tests/evaluation']
import hourglass
sys.meta_path.insert(1, Blocked())
from test_oks import SIGMAS, people, shift_of
from hourglass.evaluation.oks import average_precision
scores, _ = average_precision(*people(shift_of(0.77)), SIGMAS)
import xtcocotools.cocoeval
print(xtcocotools.cocoeval.__name__, [round(x, 6) for x in scores.values() if x == x])
"""


@pytest.mark.slow
def test_pycocotools_gives_the_same_numbers():
    name, scores = run(PROGRAM.format(blocked=True)).split(' ', 1)
    assert name == 'pycocotools.cocoeval'
    ours, _ = average_precision(*people(shift_of(0.77)), SIGMAS)
    assert scores == str([round(x, 6) for x in ours.values() if x == x])


def test_an_area_of_0_is_one_that_is_not_known():
    truth, found = people(shift_of(0.77))
    expected = average_precision(truth, found, SIGMAS)[0]
    for one in truth:
        one['area'] = 0
    assert average_precision(truth, found, SIGMAS)[0] == pytest.approx(expected, nan_ok=True)
    assert expected['AP'] == pytest.approx(60)


def test_a_crowd_is_neither_missed_nor_wrong():
    truth, found = people()
    truth[0]['iscrowd'] = 1
    scores, _ = average_precision(truth, found[1:], SIGMAS)
    assert scores['AP'] == scores['AR'] == pytest.approx(100)


def test_intervals_rank_predictions_by_their_scores():
    """The surer half is wrong, and on later images."""
    truth, found = people(count=40)
    for one in found[20:]:
        one.update(keypoints=one['keypoints'] + 5000, score=one['score'] + 1)
    scores, intervals = average_precision(truth, found, SIGMAS)
    assert intervals['AP'][0] < scores['AP'] < intervals['AP'][1]
