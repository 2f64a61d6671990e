"""Annotation files in COCO's form are read, or refused with the place that is wrong."""
import json

import pytest
from own_people import NAMES, annotation, write_people

from hourglass.datasets.coco_file import read_coco
from hourglass.errors import DataError


def changed(folder, **changes):
    path = write_people(folder)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def cat(number: int, name: str, keypoints: list[str] = NAMES, **more: object) -> dict:
    return dict(id=number, name=name, keypoints=keypoints, **more)


def test_categories_with_the_same_keypoints_are_read_together(tmp_path):
    people = [annotation(1, 0), annotation(2, 0, category_id=2), annotation(3, 0, category_id=3)]
    path = changed(tmp_path, annotations=people, categories=[
        cat(1, 'cat'), cat(2, 'dog'), dict(id=3, name='bowl')])
    assert [one['id'] for one in read_coco(path).annotations] == [1, 2]
    assert [one['id'] for one in read_coco(path, 'dog').annotations] == [2]


def test_categories_of_one_name_or_without_any_are_all_read(tmp_path):
    for name in ('cat', None):
        path = changed(tmp_path, categories=[cat(1, name), cat(2, name)], annotations=[
            annotation(1, 0), annotation(2, 0, category_id=2)])
        for category in (None, str(name)):
            assert [one['id'] for one in read_coco(path, category).annotations] == [1, 2]


def test_of_different_categories_one_is_named(tmp_path):
    path = changed(tmp_path, categories=[cat(1, 'cat'), cat(2, 'hand', ['wrist'])])
    with pytest.raises(DataError, match='2 categories have names of keypoints, one needed; choose '
                                        'one of cat, hand'):
        read_coco(path)
    assert read_coco(path, 'cat').names == NAMES


@pytest.mark.parametrize('skeleton', [[[1, 2], [3, 1]], [[0, 1], [2, 0]]])
def test_bones_are_counted_from_1_or_from_0(tmp_path, skeleton):
    path = changed(tmp_path, categories=[cat(1, 'cat', skeleton=skeleton)])
    assert read_coco(path).bones == [('nose', 'left_eye'), ('right_eye', 'nose')]


@pytest.mark.parametrize('skeleton', [[[1, 4]], [[1]], [['nose', 'left_eye']], 3])
def test_other_bones_are_left_out_with_a_warning(tmp_path, skeleton):
    path = changed(tmp_path, categories=[cat(1, 'cat', skeleton=skeleton)])
    with pytest.warns(UserWarning, match='categories: skeleton .* does not join pairs of the 3'):
        assert read_coco(path).bones == []


def test_an_annotation_of_a_box_alone_has_no_keypoints(tmp_path):
    one = annotation(1, 0)
    del one['keypoints']
    found = read_coco(write_people(tmp_path, [one])).annotations[0]['keypoints']
    assert found.tolist() == [0] * 9


def test_an_area_of_null_is_one_that_is_not_known(tmp_path):
    assert len(read_coco(write_people(tmp_path, [annotation(1, 0, area=None)])).annotations) == 1


def test_a_size_that_is_no_number_is_named(tmp_path):
    path = changed(tmp_path, images=[dict(id=0, file_name='0.png', width='wide', height=60)])
    with pytest.raises(DataError, match='image 0: width: could not convert'):
        read_coco(path)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(keypoints=[1, 2, None] * 3), r'annotation 1: keypoints: number 3 '
     'of 9 is nan, a finite one needed'),
    (dict(keypoints=[1, 2, 2]), r'annotation 1: keypoints: 3 numbers, a list of 9 needed'),
    (dict(bbox=[1, 2, 3]), r'annotation 1: bbox: 3 numbers, a list of 4 needed'),
    (dict(keypoints=['1', 2, 2] * 3), 'annotation 1: keypoints: could not convert a text'),
    (dict(area='large'), 'annotation 1: area: could not convert'),
    (dict(area=-300), 'annotation 1: area is -300; give 0 where it is not known'),
    (dict(iscrowd='0'), 'annotation 1: iscrowd: could not convert a text to a number'),
    (dict(category_id=7), "annotation 1: category 7 is not in 'categories'"),
    (dict(category_id=[1]), r"annotation 1: category \[1\] is not in 'categories'"),
    (dict(image_id=99), "annotation 1: image 99 is not in 'images'")])
def test_a_wrong_annotation_is_named(tmp_path, changes, message):
    with pytest.raises(DataError, match=f'people.json, {message}'):
        read_coco(write_people(tmp_path, [annotation(1, 0, **changes)]))


@pytest.mark.parametrize('keypoints', [3, {'nose': 1}, 'nose'])
def test_a_category_without_a_list_of_keypoints_has_none(tmp_path, keypoints):
    path = changed(tmp_path, categories=[cat(['id'], 'cat', keypoints=keypoints)])
    with pytest.raises(DataError, match='0 categories have names of keypoints, one needed; export'):
        read_coco(path)


def test_outlines_of_people_take_no_memory(tmp_path):
    path = write_people(tmp_path, [annotation(1, 0, segmentation=[[1, 2, 3, 4, 5, 6]])])
    one, = read_coco(path).annotations
    assert one['id'] == 1 and 'segmentation' not in one


def test_of_one_category_an_annotation_need_not_name_it(tmp_path):
    people = [annotation(1, 0), annotation(2, 0)]
    del people[1]['category_id']
    assert len(read_coco(changed(tmp_path, annotations=people)).annotations) == 2
    path = changed(tmp_path, annotations=people, categories=[cat(1, 'cat'), cat(2, 'dog')])
    with pytest.raises(DataError, match=r"people\.json, annotation 2: no 'category_id'"):
        read_coco(path)


def test_an_unknown_category_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match="no category 'horse' with names .*; choose one of cat"):
        read_coco(write_people(tmp_path), 'horse')
