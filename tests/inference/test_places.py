"""Boxes, centres and scales become square crops, or are refused in one line."""
import numpy as np
import pytest

from hourglass.errors import ConfigError, DataError
from hourglass.inference.places import Request, square_crops


def crops(**places) -> list:
    return square_crops(Request(np.zeros((96, 128, 3), np.uint8), 'a.jpg', **places), (128, 96))


def test_a_box_gets_a_square_with_a_margin_and_a_whole_image_none():
    (middle, side), = crops(boxes=[[20, 10, 60, 90, 0.7]])
    assert middle.tolist() == [39.5, 49.5] and side == 100
    (middle, side), = crops()
    assert middle.tolist() == [63.5, 47.5] and side == 128
    assert crops(boxes=[]) == []


def test_centres_and_scales_are_crops_as_they_are():
    found = crops(centers=[[5, 6], [7, 8]], scales=[0.5, 1])
    assert [(middle.tolist(), side) for middle, side in found] == [([5, 6], 100), ([7, 8], 200)]


@pytest.mark.parametrize('padding', [np.nan, np.inf, 'a', -1, 0, None])
def test_a_margin_is_a_number_above_0(padding):
    with pytest.raises(ConfigError, match=f'padding={padding!r}: give a number above 0'):
        square_crops(Request(np.zeros((96, 128, 3), np.uint8), 'a.jpg'), (128, 96), padding)


@pytest.mark.parametrize(('places', 'message'), [
    (dict(boxes=[[1, 2, 3]]), r'a.jpg: boxes of shape \(1, 3\), \(P, 4\) needed'),
    (dict(boxes=[[5, 5, 5, 9]]), 'has no area; give x1, y1, x2, y2'),
    (dict(boxes=[[np.inf, 5, 5, 9]]), 'finite numbers needed'),
    (dict(boxes=[[900, 900, 950, 950]]), 'shows nothing of the 128x96 image'),
    (dict(boxes=[[0.1, 0.2, 0.5, 1]]), 'are fractions of the image; multiply x by 128 and y by 96'),
    (dict(boxes='here'), 'boxes are no table of numbers'),
    (dict(centers=[[5, 5]]), 'give boxes, or centers and scales, or neither'),
    (dict(boxes=[[1, 2, 3, 4]], centers=[[5, 5]], scales=[1]), 'give boxes, or centers'),
    (dict(centers=[[5, 5]], scales=[1, 2]), '1 centers and 2 scales; give one scale'),
    (dict(centers=[[5, 5]], scales=[0]), 'shows nothing'),
    (dict(centers=[[5, 5], [6, 6]], scales=[[1], [2, 3]]), 'scales are no table of numbers'),
    (dict(boxes=[[-1e6, -1e6, 1e6, 1e6]]), 'more than 64 times the shorter side of the 128x96 im')])
def test_other_places_are_refused(places, message):
    with pytest.raises(DataError, match=message):
        crops(**places)


@pytest.mark.parametrize(('x', 'y'), [(-10.5, 9), (137.5, 9), (9, -10.5), (9, 105.5)])
def test_a_crop_that_only_touches_the_image_shows_nothing_of_it(x, y):
    inside = np.array([x, y]) + 0.01 * np.sign(np.array([63.5, 47.5]) - [x, y])
    assert len(crops(centers=[inside], scales=[0.1])) == 1              # 20 px
    with pytest.raises(DataError, match='shows nothing'):
        crops(centers=[[x, y]], scales=[0.1])


@pytest.mark.parametrize('size', [(1000, 10), (10, 1000)])
def test_a_crop_has_at_most_64_times_the_shorter_side(size):
    square_crops(Request(None, 'a', centers=[[5, 5]], scales=[640 / 200]), size)
    with pytest.raises(DataError, match='more than 64 times'):
        square_crops(Request(None, 'a', centers=[[5, 5]], scales=[641 / 200]), size)
