"""A sample is one annotated person with the data set's metainfo; errors name row and image."""
import re

import numpy as np
import pytest
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from hourglass.datasets.base import Person, missing_images, person_problem
from hourglass.datasets.mpii.dataset import MpiiDataset
from hourglass.errors import DataError


def test_a_sample_has_what_mmposes_have_and_is_its_own(synthetic):
    dataset = MpiiDataset(data_root=str(synthetic / 'synthetic'), data_prefix=dict(
        img='train/images'), ann_file='train/annotations.json')
    ours, theirs = dataset.get_data_info(3), BaseCocoStyleDataset.get_data_info(dataset, 3)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[key], theirs[key]) for key in ours if key != 'raw_ann_info')
    truth = theirs['keypoints'].copy()
    ours['keypoints'] += 5
    assert np.array_equal(dataset.get_data_info(3)['keypoints'], truth)


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


def test_missing_images_come_with_a_hint_at_a_similar_name(tmp_path):
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub/A.JPG').touch()
    (tmp_path / 'b.jpg').touch()
    missing = missing_images(tmp_path, {'sub/a.jpg', 'b.jpg', 'gone/c.jpg'})
    assert missing == {'gone/c.jpg': '', 'sub/a.jpg': ' (sub/A.JPG is there: case or extension '
                                                      'differ, rename it)'}
    with pytest.raises(DataError, match='nowhere: no such image folder'):
        missing_images(tmp_path / 'nowhere', set())
