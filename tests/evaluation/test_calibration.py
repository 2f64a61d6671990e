"""Maps from peaks to probabilities: right on known ones, split by film, told from damaged ones."""
import numpy as np
import pytest

from hourglass.errors import CheckpointError
from hourglass.evaluation.calibration import Calibration, Reliability, fit, fitted_images, roc

NAMES = ['left_elbow', 'right_elbow', 'left_wrist', 'nose']


def drawn(people: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peaks, outcomes and their true probabilities: elbows p = peak^2, wrists half of it."""
    rng = np.random.default_rng(seed)
    peaks = rng.uniform(0, 1, (people, 4))
    true = peaks**2 * [1, 1, 0.5, 1]
    return peaks, (rng.random(true.shape) < true).astype(float), true


def calibration(maps, **changes) -> Calibration:
    return Calibration(**dict(correct='PCK@0.2', people=9, stage=1, flip=True, maps=maps) | changes)


def test_probabilities_of_other_people_are_those_that_made_them():
    peaks, correct, _ = drawn(2000, 0)
    maps = fit(peaks, correct, NAMES)
    assert set(maps) == {'any', 'elbow', 'wrist', 'nose'}
    for knots in maps.values():
        assert all((np.diff(values) >= 0).all() for values in knots)
    others, outcomes, true = drawn(2000, 1)
    found = calibration(maps).probabilities(others, NAMES)
    assert np.abs(found - true).mean() < 0.03       # a knot is 100 or 200 draws: at most 0.5 / 10
    assert Reliability.of(found, outcomes).error < 0.02
    assert Reliability.of(others, outcomes).error > 0.15            # what they are instead of


def test_a_type_with_few_keypoints_shares_the_map_of_all():
    peaks, correct, _ = drawn(200, 0)                   # 400 elbows, 200 wrists and noses
    correct[:, 3] = np.nan
    maps = fit(peaks, correct, NAMES)
    assert set(maps) == {'any', 'elbow'}
    found = calibration(maps).probabilities(peaks, NAMES)
    assert np.array_equal(found[:, 2], np.interp(peaks[:, 2], *maps['any']))


def test_films_and_images_are_never_on_both_sides():
    films = [f'{film}/take-{film}-{frame:04d}.jpg' for film in 'abcde' for frame in range(40)]
    images = np.repeat(films, 2)                        # two people on each
    fitted = fitted_images(images).reshape(5, 80)
    assert (fitted == fitted[:, :1]).all()
    assert fitted[:, 0].sum() in (2, 3)
    numbered = np.repeat([f'im{i:04d}.jpg' for i in range(101)], 2)
    fitted = fitted_images(numbered).reshape(101, 2)
    assert (fitted[:, 0] == fitted[:, 1]).all()
    assert fitted[:, 0].sum() in (50, 51)
    assert np.array_equal(fitted_images(numbered[::-1])[::-1], fitted.ravel())


def test_the_error_is_the_weighted_distance_from_what_is_observed():
    probabilities = np.array([[0.1, 0.1, 0.1, 0.1, 0.92, 0.92, 1.0, 0.5]])
    correct = np.array([[1, 0, 0, 0, 1, 1, 1, np.nan]])
    found = Reliability.of(probabilities, correct)
    assert found.counts.tolist() == [4, 3]
    assert found.observed.tolist() == [0.25, 1]
    assert found.error == pytest.approx((4 * 0.15 + 3 * (1 - 2.84 / 3)) / 7)


def test_the_area_under_the_roc_is_the_share_of_pairs_in_order():
    false, true, area = roc(np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, False]))
    assert false.tolist() == [0, 0, 0.5, 1] and true.tolist() == [0, 0.5, 1, 1]
    assert area == 0.875                                # one of four pairs is tied
    assert roc(np.zeros(4), np.array([True, False, True, False]))[2] == 0.5


def test_metadata_give_the_same_calibration_or_an_error_of_one_line():
    peaks, correct, _ = drawn(500, 0)
    given = calibration(fit(peaks, correct, NAMES))
    assert Calibration.of(given.metadata(), 'a.safetensors') == given
    assert Calibration.of({}, 'a') is None and Calibration.of(None, 'a') is None
    for text in ('{}', '[', '[' * 100_000, calibration([[0.1], [1]]).metadata()['calibration'],
                 calibration(dict(any=[])).metadata()['calibration'],
                 calibration(dict(any=[[0.1], [float('nan')]])).metadata()['calibration'],
                 '{"maps": {}}', calibration({}).metadata()['calibration'],
                 calibration(dict(any=[[0.1], 3])).metadata()['calibration']):
        with pytest.raises(CheckpointError, match=r'a.safetensors: its calibration .* --calibrate'):
            Calibration.of(dict(calibration=text), 'a.safetensors')


def test_a_share_that_falls_is_pooled_with_the_one_before():
    peaks = np.arange(30.0)[:, None] / 30
    correct = np.repeat([1, 0, 1, 0, 1, 0], [8, 2, 4, 6, 9, 1]).astype(float)[:, None]
    assert fit(peaks, correct, ['nose'])['any'][1] == pytest.approx([0.6, 0.6, 0.9])
