"""PCK by hand on three people, and on published predictions with published numbers."""
import numpy as np
import pytest
from conftest import DATA, needs

from hourglass.evaluation import pck
from hourglass.evaluation.metrics import MpiiPCKh


def test_distances_are_in_units_of_the_person_and_keep_what_is_missing():
    truth = np.zeros((2, 3, 2))
    truth[0, 2] = np.nan                            # not annotated
    predicted = truth.copy()
    predicted[:, 0] = [3, 4]
    predicted[1, 1] = np.nan                        # not predicted: wrong, not absent
    distances = pck.normalised_distances(predicted, truth, np.array([5.0, 10.0]))
    assert np.array_equal(distances, [[1, 0, np.nan], [0.5, np.inf, 0]], equal_nan=True)


def test_pooling_and_averaging_differ_as_they_must():
    nan = np.nan
    distances = np.array([[0.1, 0.9, nan], [0.2, nan, nan], [0.3, nan, nan]])
    assert np.array_equal(pck.joint_pck(distances, 0.5), [100, 0, nan], equal_nan=True)
    assert pck.pooled_pck(distances, 0.5, [0, 1]) == 75.0          # three of four joints
    assert pck.grouped_pck(distances, 0.5, {'pair': (0, 1)}) == {'pair': 50.0}
    assert pck.pooled_pck(distances, 0.1, [0]) == pytest.approx(100 / 3)    # the limit counts


def test_impossible_inputs_are_refused():
    truth = np.zeros((2, 3, 2))
    with pytest.raises(ValueError, match=r'\(2, 4, 2\) for a truth of \(2, 3, 2\)'):
        pck.normalised_distances(np.zeros((2, 4, 2)), truth, np.ones(2))
    for unit in (0, -1, np.nan):
        with pytest.raises(ValueError, match='person 1 has a PCK unit'):
            pck.normalised_distances(truth, truth, np.array([1, unit]))


@needs(DATA / 'mpii/predictions/valid-ours.h5')
@pytest.mark.data
def test_the_authors_predictions_score_what_the_official_evaluation_gives():
    h5py = pytest.importorskip('h5py')
    with h5py.File(DATA / 'mpii/valid.h5') as file:
        truth, unit = file['part'][:], file['normalize'][:]
    truth[(truth == 0).all(-1)] = np.nan
    with h5py.File(DATA / 'mpii/predictions/valid-ours.h5') as file:
        distances = pck.normalised_distances(file['preds'][:], truth, unit)
    scores = MpiiPCKh().scores(distances)
    assert {name: round(value, 2) for name, value in scores.items()} == {
        'PCKh': 88.04, 'Head': 96.69, 'Shoulder': 94.68, 'Elbow': 88.53, 'Wrist': 83.38,
        'Hip': 87.48, 'Knee': 83.09, 'Ankle': 79.07, 'PCKh@0.1': 28.70}
