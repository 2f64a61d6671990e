"""A person in COCO's form has the ids, box and area of the file, or others in their place."""
import copy
import pickle

import numpy as np
import pytest

from hourglass.datasets.person import Person, coco_annotation


def annotation(**changes) -> dict:
    keypoints = np.array([[10.0, 20], [30, 60], [np.nan, np.nan]])
    return coco_annotation(Person(**dict(
        image_name='a.jpg', center_image=np.zeros(2), side_image=1.0, keypoints_image=keypoints,
        occluded=np.array([False, True, False]), row=4) | changes), 9)


def test_what_a_file_lacks_is_taken_from_the_keypoints():
    made = annotation()
    assert made['keypoints'] == [10, 20, 2, 30, 60, 1, 0, 0, 0] and made['num_keypoints'] == 2
    assert (made['id'], made['image_id'], made['category_id']) == (5, 9, 1)
    assert made['bbox'] == [10, 20, 20, 40] and made['area'] == pytest.approx(0.53 * 20 * 40)
    assert annotation(keypoints_image=np.full((3, 2), np.nan))['bbox'] == [0, 0, 0, 0]


def test_what_a_file_has_is_kept():
    made = annotation(annotation_id=70, category_id=3, area_image=5.0,
                      bbox_image=np.array([1, 2, 4, 8]))
    assert (made['id'], made['category_id'], made['area']) == (70, 3, 5)
    assert made['bbox'] == [1, 2, 3, 6]


def test_a_pickled_person_is_small_and_the_same(rng):
    """Data sets keep people pickled: 100,000 with 17 keypoints have less than 60 MB."""
    person = Person(
        image_name='val2017/000000000139.jpg', center_image=rng.random(2), side_image=2.5,
        keypoints_image=rng.random((17, 2)), occluded=rng.random(17) < 0.5, row=3, place=(4, 5),
        bbox_image=rng.random(4).astype(np.float32), image_size=(640, 480), image_id='a')
    pickled = pickle.dumps(person, protocol=4)              # mmengine's
    assert len(pickled) < 600
    for made in (pickle.loads(pickled), copy.deepcopy(person)):
        for name, value in vars(person).items():
            found = getattr(made, name)
            assert np.array_equal(found, value) and type(found) is type(value)
            if isinstance(value, np.ndarray):
                assert found.dtype == value.dtype and found.flags.writeable
