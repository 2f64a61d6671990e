"""The official release: every field may be missing, and nonsense is named by its place."""
import numpy as np
import pytest
import scipy.io
from release_file import (
    EMPTY,
    cells,
    hidden_rect,
    image,
    point,
    pose,
    rect,
    small_release,
    structs,
    write_release,
)

from hourglass.datasets.mpii.release import read_release
from hourglass.errors import DataError


def read_one(tmp_path, **changes):
    """The person read from a release of one image with one rect: everything is squeezed."""
    path = write_release(tmp_path / 'one.mat', image('a.jpg', rect(**changes), single_person=1))
    return read_release(path)


def annopoints(*points) -> np.ndarray:
    return structs(dict(point=structs(*points)))


def test_numbers_stay_as_annotated(tmp_path):
    release = read_one(tmp_path, points=pose(1), box=(1.5, 2.0, 30.25, 40.0))
    person, = release.people
    assert np.array_equal(person.joints, [[p['x'], p['y']] for p in pose(1)])
    assert person.head_box.tolist() == [1.5, 2.0, 30.25, 40.0]
    assert (person.center.tolist(), person.scale) == ([101.0, 81.0], 1.5)
    assert (person.image_name, person.place) == ('a.jpg', (0, 0))
    assert person.single_person is True and person.training is True
    assert not person.occluded.any()


def test_images_and_people_keep_their_places(tmp_path):
    release = read_release(small_release(tmp_path / 'r.mat'))
    assert release.image_names == ['val.jpg', 'train.jpg', 'no_person.jpg', 'test.jpg', 'empty.jpg',
                                'one.jpg']
    assert release.training == [True] * 3 + [False] * 3
    assert release.num_rects == [2, 4, 0, 3, 0, 1]
    assert [(person.place, person.single_person) for person in release.people] == [
        ((0, 0), True), ((0, 1), True), ((1, 0), True), ((1, 2), False),
        ((3, 0), True), ((3, 2), True), ((5, 0), False)]
    assert release.without_crop == {(1, 1): 'objpos', (1, 3): 'scale', (3, 1): 'objpos'}


@pytest.mark.parametrize('without', [
    dict(annopoints=None), dict(annopoints=EMPTY), dict(annopoints=structs(dict(other=1))),
    dict(annopoints=structs(dict(point=EMPTY))), dict(annopoints=annopoints(point(EMPTY, EMPTY,
                                                                                  EMPTY)))])
def test_a_person_without_joints_has_none_annotated(tmp_path, without):
    person, = read_one(tmp_path, **without).people
    assert not person.annotated.any() and not person.occluded.any()


@pytest.mark.parametrize(('without', 'lacking'), [
    (dict(objpos=None), 'objpos'), (dict(objpos=EMPTY), 'objpos'),
    (dict(objpos=structs(dict(x=EMPTY, y=EMPTY))), 'objpos'), (dict(scale=None), 'scale'),
    (dict(scale=EMPTY, objpos=EMPTY), 'objpos and scale')])
def test_without_a_place_or_a_size_no_person_can_be_cropped(tmp_path, without, lacking):
    release = read_one(tmp_path, points=pose(1), **without)
    assert release.people == [] and release.num_rects == [1]
    assert release.without_crop == {(0, 0): lacking}


@pytest.mark.parametrize('box', [
    dict.fromkeys(('x1', 'y1', 'x2', 'y2')), dict.fromkeys(('x1', 'y1', 'x2', 'y2'), EMPTY)])
def test_a_head_box_without_all_of_its_sides_is_none(tmp_path, box):
    person, = read_one(tmp_path, **box).people
    assert person.head_box is None


@pytest.mark.parametrize(('mark', 'occluded'), [
    (0, True), (0.0, True), ('0', True), (np.uint8(0), True), (False, True), (1, False),
    ('1', False), (EMPTY, False), ('', False), (None, False)])
def test_a_joint_is_occluded_if_its_mark_is_0(tmp_path, mark, occluded):
    marks = {} if mark is None else dict(is_visible=mark)
    one_point = annopoints(point(15, 3.5, 4.0, **marks))        # squeezed: no array of points
    person, = read_one(tmp_path, annopoints=one_point).people
    assert person.occluded.tolist() == [False] * 15 + [occluded]
    assert person.joints[15].tolist() == [3.5, 4.0] and person.annotated.sum() == 1


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(points=[point(16, 1, 2)]), r'point\(1\): the id is 16, 0 to 15 needed'),
    (dict(points=[point(-1, 1, 2)]), 'the id is -1'),
    (dict(points=[point(1.5, 1, 2)]), 'the id is 1.5'),
    (dict(points=[point(3, 1, 'abc')]), "y is 'abc', a number needed"),
    (dict(points=[point(3, [[1, 2]], 2)]), 'x has 2 values, one needed'),
    (dict(scale='1.5'), "scale is '1.5'"), (dict(x2='a'), "x2 is 'a'"),
    (dict(objpos='x'), "objpos is 'x', a struct needed"),
    (dict(annopoints=5), 'annopoints is 5, a struct needed')])
def test_nonsense_is_refused_by_its_place(tmp_path, changes, message):
    images = image('first.jpg'), image('a.jpg', rect(), rect(**changes))
    with pytest.raises(DataError, match=message) as error:
        read_release(write_release(tmp_path / 'r.mat', *images))
    assert 'r.mat, annolist(2).annorect(2)' in str(error.value)
    assert '(a.jpg)' in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize(('changes', 'kind'), [
    (dict(points=[point(3, 1, 2), point(3, 9, 9)]), 'second points of a joint'),
    (dict(points=[point(3, 1, 2), point(4, EMPTY, 2)]), 'points'),
    (dict(points=[point(3, 1, 2), point(4, float('nan'), 2)]), 'points'),
    (dict(points=[point(3, 1, 2, is_visible='x')]), 'marks of visibility'),
    (dict(points=[point(3, 1, 2, is_visible=2)]), 'marks of visibility'),
    (dict(points=[point(3, 1, 2)], scale=-1.0), 'scales'),
    (dict(points=[point(3, 1, 2)], scale=0), 'scales'),
    (dict(points=[point(3, 1, 2)], scale=float('nan')), 'scales'),
    (dict(points=[point(3, 1, 2)], objpos=structs(dict(x=float('inf'), y=1))), 'objpos'),
    (dict(points=[point(3, 1, 2)], objpos=structs(dict(x=1))), 'objpos'),
    (dict(points=[point(3, 1, 2)], x2=EMPTY), 'head boxes'),
    (dict(points=[point(3, 1, 2)], box=(1.0, 1.0, 1.0, 1.0)), 'head boxes')])
def test_what_is_half_filled_counts_as_empty_and_is_named(tmp_path, changes, kind):
    """Users cannot fix the official file: one odd number must not stop its conversion."""
    release = read_release(write_release(
        tmp_path / 'r.mat', image('first.jpg'), image('a.jpg', rect(pose(1)), rect(**changes))))
    assert list(release.half_filled) == [kind]
    place, = release.half_filled[kind]
    assert release.summary().splitlines()[1] == (
        f'       1 {kind} half filled, impossible or double, read as empty; first {place}')
    assert 'r.mat, annolist(2).annorect(2) (a.jpg)' in place
    if kind in ('scales', 'objpos'):
        assert release.without_crop == {(1, 1): 'scale' if kind == 'scales' else kind}
    else:
        person = release.people[1]
        assert np.flatnonzero(person.annotated).tolist() == [3]
        assert person.joints[3].tolist() == [1, 2]
        assert (person.head_box is None) == (kind == 'head boxes')


@pytest.mark.parametrize(('content', 'message'), [
    (dict(other=1), "holds no 'RELEASE'"), (dict(RELEASE=1), "no field 'annolist'"),
    (dict(RELEASE=EMPTY), "'RELEASE' is empty"),
    (dict(RELEASE=dict(annolist=structs({'image': 1}, {'image': 1}), img_train=[[1, 0]],
                       single_person=cells(1, 1))), r'annolist\(1\): image is 1, a struct needed'),
    (dict(RELEASE=dict(annolist=structs({'image': 1}, {'image': 1}), img_train=[[1]],
                       single_person=cells(1, 1))), '2 images in annolist, 1 in img_train')])
def test_other_files_are_refused(tmp_path, content, message):
    scipy.io.savemat(tmp_path / 'r.mat', content)
    with pytest.raises(DataError, match=f'r.mat.*{message}'):
        read_release(tmp_path / 'r.mat')


def test_a_torn_file_and_an_odd_flag_are_refused(tmp_path):
    path = small_release(tmp_path / 'r.mat')
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match='r.mat: not a readable .mat file'):
        read_release(path)
    with pytest.raises(DataError, match=r'annolist\(1\) \(a.jpg\): img_train is 2'):
        read_release(write_release(path, image('a.jpg', hidden_rect(), training=2)))
