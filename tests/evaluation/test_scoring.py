"""Scoring files: missing people are wrong, a wrong base is noticed, memory stays bounded."""
import json
import tracemalloc

import h5py
import numpy as np
import pytest
from conftest import DATA, needs

from hourglass.errors import ConfigError, DataError
from hourglass.evaluation import scoring as module
from hourglass.evaluation.ground_truth import read_truth
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.evaluation.protocols import LSP, MPII
from hourglass.evaluation.scoring import evaluate

VALID, OURS = DATA / 'mpii/valid.h5', DATA / 'mpii/predictions/valid-ours.h5'


def write_truth(path, joints: np.ndarray, units: np.ndarray) -> None:
    """As the authors' h5 files, 1-based; an older file may still be open."""
    path.unlink(missing_ok=True)
    with h5py.File(path, 'w') as file:
        file['part'], file['normalize'] = joints, units
        file['visible'] = (np.arange(len(joints))[:, None] % 2 > 0) & np.ones((1, 16), bool)


def scored(tmp_path, joints: np.ndarray, predicted: np.ndarray, base: int = 1, unit: float = 30,
           protocol=MPII['official'], **options):
    write_truth(tmp_path / 'valid.h5', joints, np.full(len(joints), unit))
    np.save(tmp_path / 'preds.npy', predicted)
    truth = read_truth('mpii', tmp_path / 'valid.h5')
    predictions = read_predictions(tmp_path / 'preds.npy', truth.rows, 16)
    return evaluate(truth, predictions, protocol, base, **options)


@pytest.fixture
def joints(rng) -> np.ndarray:
    return rng.uniform(20, 300, (40, 16, 2))


def test_people_without_a_prediction_are_wrong_and_named(tmp_path, joints):
    predicted = joints.copy()
    predicted[[3, 8]] = np.nan
    predicted[9] = 0                                        # a row that was never filled
    predicted[11, 5] = np.nan
    found = scored(tmp_path, joints, predicted)
    assert found.missing == [3, 8, 9] and found.missing_joints == 1
    assert found.table.scores['Total'] == pytest.approx(100 * (1 - (3 * 14 + 1) / (40 * 14)))
    # people with even rows are all occluded: of them one was not predicted
    assert found.table.scores['Occluded'] == pytest.approx(100 * 19 / 20)
    assert found.table.scores['Visible'] == pytest.approx(100 * (1 - (2 * 14 + 1) / (20 * 14)))


@pytest.mark.parametrize('base', [0, 1])
@pytest.mark.parametrize('bias', [(0, 0), (0.4, -0.8), (-0.6, 0.3)])
def test_a_wrong_base_is_noticed_behind_noise_and_bias(tmp_path, joints, rng, base, bias):
    predicted = joints - 1 + base + bias + rng.normal(0, 2, joints.shape)
    right, wrong = (scored(tmp_path, joints, predicted, given) for given in (base, 1 - base))
    assert not right.fits_other_base
    assert wrong.fits_other_base
    assert right.shift == pytest.approx(bias, abs=0.35)     # 2 px noise over 640 joints, cut off


@pytest.mark.parametrize('bias', [(-2, -2), (3, 2.5), (0, 6)])
def test_a_bias_that_no_base_explains_is_distinguished(tmp_path, joints, rng, bias):
    found = scored(tmp_path, joints, joints + bias + rng.normal(0, 2, joints.shape))
    assert found.is_shifted and not found.fits_other_base
    assert not scored(tmp_path, joints, joints).is_shifted


def test_too_few_joints_give_no_hint_at_a_base(tmp_path, joints, rng):
    few = joints[:2]
    found = scored(tmp_path, few, few + rng.normal(0, 8, few.shape), base=0)
    assert not found.fits_other_base


@needs(OURS)
@pytest.mark.data
@pytest.mark.parametrize('predictions', [OURS, DATA / 'mpii/detections_our_format.mat'])
def test_the_base_of_published_files_is_noticed(predictions):
    truth = read_truth('mpii', VALID)
    found = read_predictions(predictions, truth.rows, 16)
    assert not evaluate(truth, found, MPII['official'], 1).fits_other_base
    assert evaluate(truth, found, MPII['official'], 0).fits_other_base


def test_pieces_do_not_matter_and_bound_the_memory(tmp_path, joints, monkeypatch, rng):
    many = np.tile(joints, (500, 1, 1))                     # 20,000 people, 5 MB
    noisy = many + rng.normal(0, 10, many.shape)
    seen = []
    whole = scored(tmp_path, many, noisy)
    monkeypatch.setattr(module, '_PEOPLE_AT_ONCE', 512)
    tracemalloc.start()
    pieces = scored(tmp_path, many, noisy, on_people=lambda people, distances: seen.append(
        (people.start, len(distances))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pieces.table.scores == whole.table.scores
    assert pieces.shift == pytest.approx(whole.shift)
    assert sum(count for _, count in seen) == 20000 and seen[-1] == (19968, 32)
    assert peak < 12e6              # the arrays of all people at once would be over 40 MB


def test_limbs_have_no_visibility(tmp_path):
    joints = np.random.default_rng(0).uniform(20, 300, (10, 16, 2))
    found = scored(tmp_path, joints, joints, protocol=LSP['pcp'])
    assert found.table.scores['Total'] == 100 and 'Occluded' not in found.table.scores


def test_warnings_name_the_reason(tmp_path, joints):
    shifted = joints + np.array([0, 6])
    shifted[3], shifted[4, 2] = np.nan, np.nan
    assert list(scored(tmp_path, joints, shifted, base=1, unit=300).warnings()) == [
        'its joints lie +0.00, +6.00 px off on average; were they predicted on images of '
        'another size, or is it the bias of their decoder?',
        '1 of 40 people have no prediction and count as wrong, first row 3',
        '1 annotated joints of other people have no prediction and count as wrong']
    wrong_base, = scored(tmp_path, joints, joints, base=0).warnings()
    assert wrong_base == ('read as 0-based, its joints lie +1.00, +1.00 px off on average; they '
                          'fit --one-based better')
    assert not list(scored(tmp_path, joints, joints).warnings())
    hopeless, = scored(tmp_path, joints, joints + 1e4).warnings()
    assert hopeless.startswith('almost no joint is correct; are these the same people')


def test_a_score_that_does_not_exist_is_none_in_json(tmp_path, joints):
    joints[:, 9] = 0                                        # no head top is annotated
    found = scored(tmp_path, joints, joints, protocol=MPII['hrnet']).as_dict()
    assert found['Head'] is None and found['Total'] == 100
    assert found['interval95']['Head'] == [None, None]
    assert found['interval95']['Total'] == [100, 100]
    assert (found['people'], found['base'], found['missing_people']) == (40, 1, [])


@pytest.mark.parametrize(('own', 'given', 'base'), [
    (None, None, 1), (None, 0, 0), (0, None, 0), (0, 0, 0), (1, 1, 1)])
def test_the_base_is_given_or_the_files_own_or_the_usual_one(tmp_path, joints, own, given, base):
    write_truth(tmp_path / 'valid.h5', joints, np.full(40, 30.0))
    truth = read_truth('mpii', tmp_path / 'valid.h5')
    (tmp_path / 'a.json').write_text(json.dumps(dict(base=own, preds=joints.tolist())))
    predictions = read_predictions(tmp_path / 'a.json', truth.rows, 16)
    assert evaluate(truth, predictions, MPII['official'], given).base == base
    if own is not None:
        with pytest.raises(ConfigError, match=f'a.json: the file gives its base as {own}; leave '):
            evaluate(truth, predictions, MPII['official'], 1 - own)


def test_a_person_without_size_is_named(tmp_path, joints):
    with pytest.raises(DataError, match=r"valid.h5, row 0: .*head's box is nan, not .*fetch"):
        scored(tmp_path, joints, joints, unit=0)
