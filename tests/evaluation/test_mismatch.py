"""Wrong orders and scales are named, and good or bad predictions raise no false alarm."""
import numpy as np
import pytest
from conftest import DATA, needs

from hourglass.evaluation.ground_truth import read_truth
from hourglass.evaluation.mismatch import find_mismatch
from hourglass.evaluation.prediction_files import read_predictions

NAMES = ['head', 'left_hand', 'right_hand', 'foot']


@pytest.fixture
def truth(rng) -> np.ndarray:
    """150 people of about 150 px somewhere on a large image, each in the same rough pose."""
    pose = np.array([[0, 0], [-60, 60], [60, 60], [0, 150]])
    joints = rng.uniform(200, 1500, (150, 1, 2)) + pose + rng.normal(0, 20, (150, 4, 2))
    joints[::7, 2] = np.nan
    return joints


@pytest.mark.parametrize(('change', 'message'), [
    (lambda joints: joints, None),
    (lambda joints: joints / 2, 'they fit images of 0.5 times the size'),
    (lambda joints: joints[..., ::-1], 'they fit with x and y exchanged'),
    (lambda joints: joints[:, [0, 2, 1, 3]], 'they fit with their joints in another order: number '
                                             '2 is where left_hand should be, number 1'),
    (lambda joints: np.roll(joints, 3, axis=0), 'they fit with the people in another order: number '
                                                '0 fits person 147'),
    (lambda joints: joints + 500, None),
    (lambda joints: np.full_like(joints, np.nan), None)])
def test_a_better_fit_is_described(truth, rng, change, message):
    predicted = np.where(np.isnan(truth), 700, truth) + rng.normal(0, 4, truth.shape)
    predicted[5] = np.nan
    assert find_mismatch(change(predicted), truth, NAMES) == message


def files():
    for dataset, gt, folder in (('lsp', 'lsp/joints.mat', 'predictions/lsp'),
                                ('flic', 'flic_original/examples.mat', 'predictions/flic')):
        for path in sorted((DATA / folder).glob('*.mat')):
            labels = 'person' if 'person' in path.name else None
            truth = read_truth(dataset, DATA / gt, labels=labels)
            yield truth, read_predictions(path, truth.rows, len(truth.names))[:] - truth.usual_base


@needs(DATA / 'predictions/lsp')
@pytest.mark.data
def test_released_predictions_fit_as_they_are_and_not_if_they_are_mixed_up(rng):
    for truth, predicted in files():
        annotated, count = truth[:].keypoints_image, len(truth.names)
        assert find_mismatch(predicted, annotated, truth.names) is None
        assert 'times the size' in find_mismatch(predicted / 2, annotated, truth.names)
        assert 'their joints' in find_mismatch(predicted[:, ::-1], annotated, truth.names)
        assert 'the people' in find_mismatch(predicted[::-1], annotated, truth.names)
        noise = rng.uniform(0, 300, (len(predicted), count, 2))
        assert find_mismatch(noise, annotated, truth.names) is None
