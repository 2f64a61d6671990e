"""Files of labelme become a file in COCO's form."""

import pytest
from two_cats import NOSES, check, converted, labelme

from hourglass.errors import DataError


@pytest.mark.parametrize('grouped', [True, False])
def test_labelme_by_groups_or_by_boxes(tmp_path, grouped):
    check(converted(labelme(tmp_path / 'me', grouped))[1])


def test_a_rectangle_has_two_corners_or_all_four(tmp_path):
    def boxes(*points):
        folder = labelme(tmp_path / 'me', shapes=[
            dict(label='nose', points=[(5, 6)], shape_type='point'),
            dict(label='cat', points=points, shape_type='rectangle')])
        return [one['bbox'] for one in converted(folder)[1]['annotations']]

    assert boxes((30, 4), (2, 20)) == boxes((2, 4), (30, 4), (30, 20), (2, 20)) == [[2, 4, 28, 16]]
    with pytest.raises(DataError, match='a rectangle of 3 points'):
        boxes((2, 4), (30, 4), (30, 20))


def test_points_that_belong_to_nobody_are_refused(tmp_path):
    points = [dict(label='nose', points=[place], shape_type='point') for place in NOSES]
    with pytest.raises(DataError, match=r"a\.png has two points 'nose' of one person"):
        converted(labelme(tmp_path / 'me', shapes=points))
    box = dict(label='cat', points=[(0, 0), (30, 30)], shape_type='rectangle')
    with pytest.raises(DataError, match=r"a\.png: point 'nose' lies in no box and has no group"):
        converted(labelme(tmp_path / 'me', shapes=[*points, box]))


def test_a_file_of_labelme_that_is_broken_is_named(tmp_path):
    with pytest.raises(DataError, match=r'a\.json: not a file of labelme'):
        converted(labelme(tmp_path / 'me', shapes=[dict(label='nose')]))
    with pytest.raises(DataError, match='has no image b.png'):
        converted(labelme(tmp_path / 'me', imagePath='b.png'))


def test_an_image_lies_beside_its_file_also_in_a_subfolder(tmp_path):
    for camera in ('one', 'two'):
        labelme(tmp_path / 'me' / camera, imagePath='a.png')
    content = converted(tmp_path / 'me')[1]
    assert [one['file_name'] for one in content['images']] == ['one/a.png', 'two/a.png']
    assert [one['image_id'] for one in content['annotations']] == [1, 1, 2, 2]


def test_two_files_of_one_image_are_refused(tmp_path):
    folder = labelme(tmp_path / 'me')
    (folder / 'b.json').write_text((folder / 'a.json').read_text())
    with pytest.raises(DataError, match=r'b\.json: its image is a\.png, as that of .*a\.json'):
        converted(folder)


def test_shapes_of_other_kinds_are_reported(tmp_path):
    points = [dict(label='nose', points=[NOSES[0]], shape_type='point'),
              dict(label='eye', points=[(1, 1), (2, 2)], shape_type='circle')]
    with pytest.warns(UserWarning, match="left out: 1 of kind 'circle'"):
        converted(labelme(tmp_path / 'me', shapes=points))


def test_an_image_of_another_size_is_refused(tmp_path):
    with pytest.raises(DataError, match=r'a\.png: the image has 80x60 px and was annotated'):
        converted(labelme(tmp_path / 'me', imageWidth=60, imageHeight=80))
    converted(labelme(tmp_path / 'me', imageWidth=None, imageHeight=None))
