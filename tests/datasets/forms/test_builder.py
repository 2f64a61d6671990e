"""Images are found by the end of their path, and points by their group or box."""
from pathlib import Path

import numpy as np
import pytest
from own_people import write_images

from hourglass.datasets.forms.builder import Box, Builder, Point
from hourglass.errors import DataError


@pytest.fixture
def builder(tmp_path):
    return Builder(tmp_path / 'a.json', write_images(tmp_path, ['a.png', 'deep/a.png']))


@pytest.mark.parametrize(('written', 'name'), [
    ('a.png', 'a.png'), ('/home/me/a.png', 'a.png'), (r'D:\cats\deep\a.png', 'deep/a.png'),
    ('../deep/a.png', 'deep/a.png'), ('./a.png', 'a.png'), ('deep//a.png', 'deep/a.png')])
def test_an_image_is_found_by_the_longest_end_of_its_path(builder, written, name):
    assert builder.add_image(written) == name
    assert builder.images[name] == dict(id=1, file_name=name, width=80, height=60)


@pytest.mark.parametrize('x', [float('nan'), float('inf')])
def test_a_place_that_is_not_finite_is_named_with_its_image(builder, x):
    image = builder.add_image('a.png')
    builder.add_person(image, [Point('nose', 1, 2)], Box(1, 2, 3, 4))
    assert builder.content()
    for points, box in (([Point('nose', x, 2)], None), ([Point('nose', 1, 2)], Box(1, 2, x, 4))):
        builder.people = []
        builder.add_person(image, points, box)
        with pytest.raises(DataError, match=r'a\.json: a\.png has a point or a box that is not'):
            builder.content()


def test_a_missing_image_is_named(builder):
    with pytest.raises(DataError, match=r'a\.json: .* has no image b\.png; name the folder'):
        builder.add_image('b.png')


def test_a_point_without_a_group_belongs_to_the_smallest_box_around_it(builder):
    large, small = Box(0, 0, 80, 60), Box(10, 10, 20, 20)
    builder.add_shapes('a.png', [Point('nose', 15, 15), Point('eye', 50, 50)], [large, small])
    assert [list(person['places']) for person in builder.people] == [['eye'], ['nose']]


def test_a_box_holds_what_is_on_its_border():
    box = Box(10, 20, 30, 10)
    assert all(box.holds(Point('nose', x, y)) for x in (10, 40) for y in (20, 30))
    assert not any(box.holds(Point('nose', x, y)) for x, y in (
        (9.9, 25), (40.1, 25), (25, 19.9), (25, 30.1)))


def test_a_group_counts_more_than_a_box(builder):
    boxes = [Box(0, 0, 80, 60, group=1), Box(10, 10, 20, 20, group=2)]
    builder.add_shapes('a.png', [Point('nose', 15, 15, group=1)], boxes)
    assert [len(person['places']) for person in builder.people] == [1, 0]


@pytest.mark.parametrize('written', ['a.png', r'C:\\data\\sub\\a.png', '../sub/a.png'])
def test_a_name_is_relative_to_a_folder_unless_it_is_absolute(tmp_path, written):
    write_images(tmp_path, ['sub/a.png'])
    assert Builder(tmp_path / 'x', tmp_path).add_image(written, Path('sub')) == 'sub/a.png'


def test_an_absolute_path_means_the_same_image_from_any_folder(builder):
    assert {builder.add_image(r'C:\me\a.png', Path(beside)) for beside in ('', 'deep')} == {'a.png'}


def test_two_images_of_the_annotation_are_not_one_of_the_folder(builder):
    assert builder.add_image('one/a.png') == builder.add_image('one/a.png') == 'a.png'
    with pytest.raises(DataError, match=r'a\.json: one/a\.png and two/a\.png would be the same'):
        builder.add_image('two/a.png')


def test_two_boxes_of_a_group_are_refused(builder):
    boxes = [Box(0, 0, 80, 60, group=1), Box(10, 10, 20, 20, group=1)]
    with pytest.raises(DataError, match='a.png has two boxes of the group 1; give each person one'):
        builder.add_shapes('a.png', [Point('nose', 15, 15, group=1)], boxes)


def test_an_image_of_another_size_than_the_annotation_states_is_refused(tmp_path):
    write_images(tmp_path, ['a.png'])                   # of 80 x 60 px
    assert Builder(tmp_path / 'x', tmp_path).add_image('a.png', annotated=(80, 60)) == 'a.png'
    assert Builder(tmp_path / 'x', tmp_path).add_image('a.png', annotated=(None, None)) == 'a.png'
    with pytest.raises(DataError, match='x: a.png: .* 80x60 px and was annotated with 60x80; it'):
        Builder(tmp_path / 'x', tmp_path).add_image('a.png', annotated=(60, 80))


def test_a_turned_box_is_that_around_it():
    box = Box(20, 10, 30, 10, 'cat')
    assert box.turned(0) is box
    assert np.allclose(box.turned(90)[:4], (30, 0, 10, 30)) and box.turned(90).group == 'cat'
    # 300 x 100 px at (200, 100), which hangs down from its corner
    assert np.allclose(Box(200, 100, 300, 100).turned(90, (0, 0))[:4], (100, 100, 100, 300))
    assert np.allclose(Box(0, 0, 2, 2).turned(-45)[:4], (1 - 2**.5, 1 - 2**.5, 8**.5, 8**.5))
