"""Every fault of people, images and conventions is described in a line, and no sound one is."""
import re
import unicodedata

import numpy as np
import pytest

from hourglass.datasets.checks import (
    crop_problem,
    missing_images,
    person_problem,
    place_problem,
    size_problem,
    surely_inside,
    unit_problem,
)
from hourglass.datasets.person import Person
from hourglass.errors import DataError


def person(**changes) -> Person:
    fields = dict(image_name='a.jpg', center_image=np.array([5.0, 6.0]), side_image=20.0,
                  keypoints_image=np.ones((3, 2)), occluded=np.zeros(3, bool), pck_unit=4.0, row=7)
    return Person(**fields | changes)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(), None), (dict(keypoints_image=np.ones((4, 2))), r'joints of shape \(4, 2\), \(3, 2\)'),
    (dict(keypoints_image=np.full((3, 2), np.inf)), 'a joint lies at infinity'),
    (dict(center_image=np.array([np.nan, 1])), r'the centre is \[nan, 1.0\]'),
    (dict(side_image=0.0), 'a crop of 0.0 px'), (dict(side_image=np.inf), 'a crop of inf px'),
    (dict(pck_unit=None), None),
    (dict(pck_unit=np.nan), 'no unit'), (dict(pck_unit=0.0), 'no unit'),
    (dict(pck_unit=np.nan, keypoints_image=np.full((3, 2), np.nan)), None)])
def test_a_person_that_cannot_be_a_test_sample_has_a_reason(changes, message):
    problem = person_problem(person(**changes), 3, no_unit='no unit')
    assert (problem is None) == (message is None)
    assert message is None or re.search(message, problem)


def test_training_needs_no_pck_unit():
    assert person_problem(person(pck_unit=np.nan), 3, no_unit=None) is None


SIZE = 30, 20                           # (w, h) of an image


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(), None), (dict(keypoints_image=np.full((3, 2), np.nan)), None),
    (dict(keypoints_image=np.array([[31, 5], [9, 9], [np.nan, np.nan]])), None),
    (dict(keypoints_image=np.array([[31, 5], [9, 20], [np.nan, np.nan]])),
     'all 2 keypoints lie outside of the 30x20 image'),
    (dict(center_image=np.array([39.0, 6])), None),                     # half a pixel is seen
    (dict(center_image=np.array([40.0, 6])), r'the crop, \[30, -4, 50, 16\], shows nothing'),
    (dict(center_image=np.array([5.0, -11])), 'shows nothing of the 30x20 image'),
    (dict(bbox_image=np.array([29, 3, 35, 9])), None),
    (dict(bbox_image=np.array([30, 3, 35, 9])), r'the box, \[30, 3, 35, 9\], shows nothing'),
    (dict(bbox_image=np.array([-9, -9, -1, -1])), 'the box, .* shows nothing'),
    (dict(image_size=(30, 20)), None),
    (dict(image_size=(60, 40)), 'has 30x20 px and was annotated with 60x40; scale the annotation'),
    (dict(image_size=(20, 30)), 'with 20x30; it is turned by its EXIF data')])
def test_a_person_outside_of_the_image_or_of_another_size_has_a_reason(changes, message):
    problem = place_problem(person(**changes), SIZE)
    assert (problem is None) == (message is None)
    assert message is None or re.search(message, problem)


def test_the_annotated_size_stands_in_for_an_unknown_one():
    outside = dict(center_image=np.array([60.0, 6]))
    assert place_problem(person(**outside), None) is None
    assert 'nothing of the 30x20' in place_problem(person(**outside, image_size=SIZE), None)
    assert size_problem(None, SIZE) is None


def test_shares_of_the_image_are_no_px():
    share = dict(keypoints_image=np.array([[0.1, 0.9], [1.02, -0.01], [np.nan, np.nan]]))
    assert 'all keypoints lie within 1.02 px: are they in shares' in unit_problem([person(**share)])
    assert unit_problem([person(**share), person(keypoints_image=np.full((3, 2), 9.0))]) is None
    pixels = dict(keypoints_image=np.full((3, 2), 9.0))
    assert 'all boxes' in unit_problem([person(**pixels, bbox_image=np.array([0.1, 0, 1, 1]))])
    assert 'all crops' in unit_problem([person(**pixels, side_image=0.5)])
    assert unit_problem([person(keypoints_image=np.full((3, 2), np.nan))]) is None


def test_a_crop_beside_the_image_is_found_at_any_rotation():
    assert crop_problem(np.array([40.0, 9.0]), 11, SIZE) is None
    assert 'a crop of 10 px around [40.0, 9.0]' in crop_problem(np.array([40.0, 9.0]), 10, SIZE)


def test_missing_images_come_with_a_hint_at_a_similar_name(tmp_path):
    (tmp_path / 'sub').mkdir()
    composed = unicodedata.normalize('NFC', 'sub/caf\u00e9.jpg')
    for name in ('sub/A.JPG', 'b.jpg', 'sub/c.png', composed):
        (tmp_path / name).touch()
    hints = {
        'sub/a.jpg': 'sub/A.JPG is there: case or extension differ',
        'sub\\c.png': 'sub/c.png is there: slashes differ',
        'sub//c.png': 'sub/c.png is there: slashes differ',
        'images/b.jpg': 'b.jpg is there: folders differ',
        'C:\\data\\b.jpg': 'b.jpg is there: folders differ',
        unicodedata.normalize('NFD', composed): f'{composed} is there: Unicode forms differ'}
    missing = missing_images(tmp_path, {'b.jpg', 'gone/d.jpg', *hints})
    assert missing == {'gone/d.jpg': '', **{
        name: f' ({hint}, spell both alike)' for name, hint in hints.items()}}
    with pytest.raises(DataError, match='nowhere: no such image folder'):
        missing_images(tmp_path / 'nowhere', set())


def test_nobody_with_a_problem_is_surely_inside(rng, monkeypatch):
    monkeypatch.setattr('hourglass.datasets.checks._AT_ONCE', 64)
    people = []
    for _ in range(300):
        low = rng.uniform(-30, 50, 2)
        joints = rng.uniform(-20, 60, (3, 2))
        joints[rng.random(3) < 0.4] = np.nan
        people.append(person(
            center_image=rng.uniform(-20, 60, 2), side_image=rng.choice([0.0, 30, 30]),
            keypoints_image=joints, image_size=(40, 30) if rng.random() < 0.9 else None,
            bbox_image=np.r_[low, low + 20] if rng.random() < 0.8 else None))
    inside = list(surely_inside(people))
    assert inside == [
        one.side_image > 0 and place_problem(one, None) is None and one.image_size is not None
        and not np.isnan(one.keypoints_image).any(-1).all() for one in people]
    assert 20 < sum(inside) < 200
    assert list(surely_inside([])) == []
