"""Intervals have the width that theory gives, and know that people share images."""
import numpy as np
import pytest

from hourglass.evaluation import intervals
from hourglass.evaluation.intervals import (
    RESAMPLES,
    by_image,
    draws,
    image_index,
    interval95,
    resampled,
)


def share(totals: np.ndarray) -> np.ndarray:
    """Percent of (..., 2) sums of correct and of annotated joints."""
    return 100 * totals[..., 0] / totals[..., 1]


def test_people_are_summed_by_image():
    index = image_index(['b', 'a', 'b', 'c'])
    assert index.tolist() == [1, 0, 1, 2]
    values = np.array([[1, 2], [3, 4], [5, 6], [7, 8]])
    assert by_image(values, index).tolist() == [[3, 4], [6, 8], [7, 8]]
    assert by_image(values[:2], index[:2], 3).tolist() == [[3, 4], [1, 2], [0, 0]]


def test_each_resample_has_as_many_images_and_a_seed_gives_the_same_ones():
    drawn = np.concatenate(list(draws(30)))
    assert drawn.shape == (RESAMPLES, 30)
    assert (drawn.sum(-1) == 30).all() and drawn.max() > 1
    assert np.array_equal(drawn, np.concatenate(list(draws(30))))
    assert not np.array_equal(drawn, np.concatenate(list(draws(30, seed=1))))
    sums = np.arange(60.0).reshape(30, 2)
    assert np.array_equal(resampled(sums), drawn @ sums)


def test_the_interval_of_independent_people_is_the_binomials(rng):
    correct = rng.random(2000) < 0.8
    lower, upper = interval95(share(resampled(np.stack([correct, np.ones(2000)], axis=-1))))
    width = 2 * 1.96 * 100 * (0.8 * 0.2 / 2000)**0.5                    # 3.51
    assert upper - lower == pytest.approx(width, rel=0.1)               # of 1000 resamples: 4 %
    assert lower < 100 * correct.mean() < upper


def test_people_of_one_image_count_as_one(rng):
    """Four equal people on each image say no more than one, and the interval is twice as wide."""
    correct = np.repeat(rng.random(500) < 0.8, 4)
    counts = np.stack([correct, np.ones(2000)], axis=-1)
    images, people = (np.subtract(*interval95(share(resampled(by_image(counts, index)))))
                      for index in (np.repeat(np.arange(500), 4), np.arange(2000)))
    assert images / people == pytest.approx(2, rel=0.15)


def test_a_paired_difference_is_narrower_than_its_parts(rng):
    hard = rng.random(1000) < 0.3                                       # for both networks
    one, other = (np.stack([~hard & (rng.random(1000) < rate), np.ones(1000)], axis=-1)
                  for rate in (0.99, 0.97))
    difference = share(resampled(one)) - share(resampled(other))
    assert np.subtract(*interval95(difference)) > 0.6 * np.subtract(
        *interval95(share(resampled(one))))                             # both are below 0
    lower, upper = interval95(difference)
    assert lower < share(one.sum(0)) - share(other.sum(0)) < upper


def test_many_images_are_drawn_in_groups_with_the_same_width(rng, monkeypatch):
    counts = np.stack([rng.random(4000) < 0.8, np.ones(4000)], axis=-1)
    widths = []
    for most in (4096, 500):
        monkeypatch.setattr(intervals, '_MAX_IMAGES', most)
        sums = by_image(counts, image_index(range(4000)))
        assert len(sums) == min(most, 4000)
        widths.append(np.subtract(*interval95(share(resampled(sums)))))
    assert widths[1] / widths[0] == pytest.approx(1, abs=0.12)


def test_a_score_that_a_resample_lacks_has_no_interval():
    assert np.isnan(interval95(np.array([1.0, 2.0, np.nan]))).all()


def test_a_single_image_has_no_interval():
    assert np.isnan(interval95(share(resampled(np.array([[3.0, 4.0]]))))).all()
