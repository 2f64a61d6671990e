"""An XML file of CVAT becomes a file in COCO's form."""
from pathlib import Path

import pytest
from own_people import write_images
from two_cats import check, converted

from hourglass.errors import DataError

CVAT_SHAPES = """
<points label="nose" group_id="1" occluded="0" points="20,15"/>
<points label="eye" group_id="1" occluded="0" points="24,12"/>
<points label="nose" group_id="2" occluded="1" points="60,30"/>
<box label="cat" group_id="1" xtl="10" ytl="6" xbr="34" ybr="36"/>
<box label="cat" group_id="2" xtl="40" ytl="12" xbr="72" ybr="48"/>"""
CVAT_SKELETONS = """
<skeleton label="cat"><points label="nose" occluded="0" outside="0" points="20,15"/>
<points label="eye" occluded="0" outside="0" points="24,12"/></skeleton>
<skeleton label="cat"><points label="nose" occluded="1" outside="0" points="60,30"/>
<points label="eye" occluded="0" outside="1" points="0,0"/></skeleton>"""


def cvat(folder: Path, shapes: str, image: str = 'a.png') -> Path:
    write_images(folder, ['a.png'])
    path = folder / 'annotations.xml'
    path.write_text(f'<annotations><image id="0" name="{image}" width="80" height="60">{shapes}'
                    '</image></annotations>')
    return path


@pytest.mark.parametrize('shapes', [CVAT_SHAPES, CVAT_SKELETONS], ids=['shapes', 'skeletons'])
def test_cvats_shapes_and_skeletons_give_the_same_people(tmp_path, shapes):
    check(converted(cvat(tmp_path, shapes))[1], boxes=shapes is CVAT_SHAPES)


def test_points_of_cvat_that_are_one_shape_are_numbered(tmp_path):
    _, content = converted(cvat(tmp_path, '<points label="cat" points="20,15;24,12"/>'))
    assert content['categories'][0]['keypoints'] == ['cat_1', 'cat_2']
    assert content['annotations'][0]['keypoints'] == [20, 15, 2, 24, 12, 2]


@pytest.mark.parametrize(('shapes', 'message'), [
    ('<points label="nose" points="20"/>', 'image a.png: ValueError'), ('<box', 'not an XML file'),
    ('<points points="20,15"/>', "image a.png: KeyError: 'label'"), ('', 'no annotated keypoint')])
def test_cvat_is_refused_by_name(tmp_path, shapes, message):
    with pytest.raises(DataError, match=f'annotations.xml: {message}'):
        converted(cvat(tmp_path, shapes))


BOXES_APART = """
<box label="cat" {0} xtl="10" ytl="6" xbr="34" ybr="36"/>
<box label="cat" {1} xtl="40" ytl="12" xbr="72" ybr="48"/>
<box label="house" xtl="0" ytl="0" xbr="80" ybr="60"/>"""


@pytest.mark.parametrize('grouped', [True, False])
def test_a_skeleton_has_the_box_of_its_group_or_the_smallest_around_it(tmp_path, grouped):
    groups = ('group_id="1"', 'group_id="2"') if grouped else ('', '')
    first, second = CVAT_SKELETONS.strip().split('\n<skeleton')
    skeletons = (first.replace('<skeleton', f'<skeleton {groups[0]}')
                 + f'<skeleton {groups[1]}' + second)
    content = converted(cvat(tmp_path, skeletons + BOXES_APART.format(*groups)))[1]
    house = [one for one in content['annotations'] if not one['num_keypoints']]
    assert [one['bbox'] for one in house] == [[0, 0, 80, 60]]
    content['annotations'] = [one for one in content['annotations'] if one['num_keypoints']]
    check(content)


def test_a_skeleton_whose_group_has_no_box_gets_the_one_around_it(tmp_path):
    shapes = CVAT_SKELETONS.replace('<skeleton', '<skeleton group_id="7"', 1)
    gone = '<skeleton label="cat"><points label="nose" outside="1" points="0,0"/></skeleton>'
    content = converted(cvat(tmp_path, gone + shapes + BOXES_APART.format('', '')))[1]
    boxes = [one.get('bbox') for one in content['annotations'] if one['num_keypoints']]
    assert boxes == [[10, 6, 24, 30], [40, 12, 32, 36]]


def test_an_image_of_another_size_is_refused(tmp_path):
    path = cvat(tmp_path, CVAT_SKELETONS)
    path.write_text(path.read_text().replace('width="80" height="60"', 'width="60" height="80"'))
    with pytest.raises(DataError, match=r'a\.png: the image has 80x60 px and was annotated'):
        converted(path)


def test_shapes_of_other_kinds_are_reported(tmp_path):
    polygon = '<polygon label="cat" points="1,1;2,2;3,1"/>'
    with pytest.warns(UserWarning, match="left out: 2 of kind 'polygon'"):
        check(converted(cvat(tmp_path, 2 * polygon + CVAT_SHAPES))[1])


def test_skeletons_with_other_keypoints_are_not_joined(tmp_path):
    bird = CVAT_SKELETONS.replace('"cat">', '"bird"><attribute name="wild">yes</attribute>')
    assert len(converted(cvat(tmp_path, CVAT_SKELETONS + bird))[1]['annotations']) == 4
    with pytest.raises(DataError, match='skeletons with other keypoints each: cat, bird; exp'):
        converted(cvat(tmp_path, CVAT_SKELETONS + bird.replace('"nose"', '"beak"')))


def test_a_turned_box_is_that_around_it(tmp_path):
    shapes = CVAT_SHAPES.replace('xtl="10" ytl="6" xbr="34" ybr="36"',
                                 'rotation="90.0" xtl="7" ytl="9" xbr="37" ybr="33"')
    check(converted(cvat(tmp_path, shapes))[1])


def test_people_of_one_group_stay_apart_and_the_box_of_a_group_is_not_theirs(tmp_path):
    box = '<box label="cat" group_id="{}" xtl="0" ytl="0" xbr="80" ybr="60"/>'
    alike = CVAT_SKELETONS.replace('<skeleton', '<skeleton group_id="7"')
    for skeletons, group in ((alike, 7), (CVAT_SKELETONS, 8)):
        content = converted(cvat(tmp_path, skeletons + box.format(group)))[1]
        people = [(one['num_keypoints'], 'bbox' in one) for one in content['annotations']]
        assert sorted(people) == [(0, True), (1, False), (2, False)]
