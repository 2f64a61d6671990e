"""95 % intervals by the bootstrap over images, as the people of an image are not independent.

A score is a function of sums over people, such as correct and annotated joints. The sums are made
for each image, resampled with the images, and the function is applied to each resample:

    sums = by_image(counts, image_index(image_names))           # (P, ...) -> (I, ...)
    lower, upper = interval95(score(resampled(sums)))           # (B, ...) -> (B,) -> two numbers

Every call draws the same images, so the difference of two resampled scores of the same people is
paired, and its interval says whether they differ.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy import ndarray

RESAMPLES = 1000
# of more images, some are drawn together: bounds time and memory, and the interval hardly changes
_MAX_IMAGES = 4096
_AT_ONCE = 50                           # resamples, which bounds the memory


def image_index(images: Sequence[str] | Sequence[int]) -> ndarray:
    """Return (P,) the index, from 0 and without gaps, of the image of each of P people."""
    return np.unique(np.asarray(images), return_inverse=True)[1] % _MAX_IMAGES


def by_image(values: ndarray, index: ndarray, num_images: int | None = None) -> ndarray:
    """Return (I, ...) the sums of (P, ...) values over the people of each image."""
    sums = np.zeros((index.max(initial=-1) + 1 if num_images is None else num_images,
                     *values.shape[1:]))
    np.add.at(sums, index, values)
    return sums


def draws(num_images: int, seed: int = 0) -> Iterator[ndarray]:
    """Yield ``RESAMPLES`` rows of (b, I) numbers: how often each image is drawn."""
    rng = np.random.default_rng(seed)
    for start in range(0, RESAMPLES, _AT_ONCE):
        rows = min(_AT_ONCE, RESAMPLES - start)
        drawn = rng.integers(num_images, size=(rows, num_images))
        drawn += np.arange(rows)[:, None] * num_images
        yield np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)


def resampled(sums: ndarray, seed: int = 0) -> ndarray:
    """Return (B, ...) the totals of (I, ...) sums of images in each of ``RESAMPLES`` resamples.

    They are NaN for a single image, from which nothing follows about others.
    """
    if len(sums) < 2:
        return np.full((RESAMPLES, *sums.shape[1:]), np.nan)
    flat = sums.reshape(len(sums), -1)
    totals = np.concatenate([drawn.astype(float) @ flat for drawn in draws(len(sums), seed)])
    return totals.reshape(-1, *sums.shape[1:])


def interval95(values: ndarray) -> tuple[float, float]:
    """Return the bounds of the middle 95 % of (B,) resampled scores; NaN if one has no score."""
    lower, upper = np.percentile(values, (2.5, 97.5))
    return float(lower), float(upper)


def half_widths(intervals: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Return half the width of each interval, for "±"."""
    return {name: (upper - lower) / 2 for name, (lower, upper) in intervals.items()}
