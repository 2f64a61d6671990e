"""PCK by hand on a few people."""
import numpy as np
import pytest

from hourglass.evaluation import pck

NAN = np.nan


def test_distances_are_in_units_of_the_person_and_keep_what_is_missing():
    truth = np.zeros((2, 3, 2))
    truth[0, 2] = NAN                               # not annotated
    predicted = truth.copy()
    predicted[:, 0] = [3, 4]
    predicted[1, 1] = NAN                           # not predicted: wrong, not absent
    distances = pck.normalised_distances(predicted, truth, np.array([5.0, 10.0]))
    assert np.array_equal(distances, [[1, 0, NAN], [0.5, np.inf, 0]], equal_nan=True)


def test_counting_is_comparing_at_every_threshold(rng):
    distances = rng.uniform(0, 0.6, (200, 5))
    distances[:20] = np.round(distances[:20], 2)            # exactly on a threshold: counts
    distances[rng.random((200, 5)) < 0.1] = NAN
    distances[rng.random((200, 5)) < 0.1] = np.inf
    thresholds = np.arange(51) / 100
    assert np.array_equal(pck.count(distances, thresholds),
                          [(distances <= t).sum(0) for t in thresholds])


def test_pooling_weights_joints_and_averaging_does_not():
    points, annotated = np.array([[100, 0, 0], [300, 0, 0]]), np.array([3, 1, 0])
    assert np.array_equal(pck.joint_means(points, annotated)[1], [100, 0, NAN], equal_nan=True)
    assert pck.pooled_mean(points, annotated, [0, 1]).tolist() == [25, 75]      # of four joints
    assert pck.mean_of_joints(points, annotated, [0, 1])[1] == 50
    assert pck.mean_of_joints(points, annotated, [0, 2])[1] == 100      # 2 is not annotated
    assert np.isnan(pck.mean_of_joints(points, annotated, [2])).all()
    assert np.isnan(pck.pooled_mean(points, annotated, [2])).all()
    resampled = np.array([[3, 1, 0], [0, 1, 0]])                        # a second set of people
    assert pck.pooled_mean(points[[1, 0]] * [[1], [0]], resampled, [0, 1]).tolist() == [75, 0]


def test_the_area_is_the_mean_height(rng):
    distances = rng.uniform(0, 0.6, 500)
    distances[:60] = np.arange(60) / 100                    # exactly on a threshold
    thresholds = np.arange(51) / 100
    curve = [100 * (distances <= t).mean() for t in thresholds]
    expected = np.trapezoid(curve, thresholds) if hasattr(np, 'trapezoid') else np.trapz(
        curve, thresholds)
    assert pck.area_under_curve(distances, thresholds).mean() == pytest.approx(expected / 0.5)
    assert pck.area_under_curve(np.array([0, 0.5, 0.501, np.inf, NAN]), thresholds).tolist() == [
        100, 1, 0, 0, 0]


def test_a_limb_is_as_far_off_as_its_worse_end():
    truth = np.array([[[0, 0], [2, 0], [1, 8]], [[0, 0]] * 3, [[0, 0], [2, 0], [NAN, NAN]]])
    predicted = np.nan_to_num(truth)
    predicted[:, 2, 1] += 4
    limbs = [((0, 1), (2,)), ((0,), (1,))]
    distances = pck.limb_distances(predicted, truth, limbs)
    assert np.array_equal(distances, [[0.5, 0], [np.inf, 0], [NAN, 0]], equal_nan=True)
    predicted[1, 0, 0] = 1
    assert pck.limb_distances(predicted, truth, limbs)[1, 1] == np.inf      # of no length, and off
    predicted[0, 2] = NAN
    assert pck.limb_distances(predicted, truth, limbs)[0].tolist() == [np.inf, 0]


def test_the_person_is_as_big_as_the_box_around_the_joints():
    assert pck.box_side(np.array([[[1, 5], [4, 25], [NAN, NAN]]])).tolist() == [20]


def test_impossible_inputs_are_refused():
    truth = np.zeros((2, 3, 2))
    with pytest.raises(ValueError, match=r'\(2, 4, 2\) for a truth of \(2, 3, 2\)'):
        pck.normalised_distances(np.zeros((2, 4, 2)), truth, np.ones(2))
    for unit in (0, -1, NAN, np.inf):
        with pytest.raises(ValueError, match='person 1 has a PCK unit'):
            pck.normalised_distances(truth, truth, np.array([1, unit]))
    truth[1] = NAN                                      # nothing to measure: no unit needed
    assert np.isnan(pck.normalised_distances(truth, truth, np.array([1, NAN]))[1]).all()
