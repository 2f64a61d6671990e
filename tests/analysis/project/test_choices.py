"""What is chosen for annotated people, for each kind of annotation."""
import pytest
from own_people import NAMES, annotation, write_people

from hourglass.analysis.project.choices import (
    SIZES,
    TRAINED,
    choose_crop,
    choose_network,
    choose_pairs,
    choose_rate,
    choose_size,
    choose_weights,
    table_rows,
)
from hourglass.datasets.coco_file import read_coco
from hourglass.datasets.skeletons import COCO_SIGMAS
from hourglass.errors import DataError

SMALL = next(iter(SIZES.values()))
NO_BOX = dict(bbox=[])


@pytest.mark.parametrize(('people', 'crop'), [
    ([annotation(1, 0), annotation(2, 0)], 'bbox'),
    ([annotation(1, 0), annotation(2, 0, **NO_BOX)], 'bbox'),
    ([annotation(1, 0), annotation(2, 0, **NO_BOX), annotation(3, 0, **NO_BOX)], 'keypoints'),
    ([annotation(1, 0, **NO_BOX), annotation(2, 1, bbox=[10, 10, 0, 0])], 'image'),
    ([annotation(1, 0, **NO_BOX), annotation(2, 0, iscrowd=1)], 'image')])
def test_the_crop_is_what_a_prediction_can_be_given_too(tmp_path, people, crop):
    assert choose_crop(read_coco(write_people(tmp_path, people)))[0] == crop


def test_without_keypoints_there_is_nothing_to_crop(tmp_path):
    for people in ([], [annotation(1, 0, keypoints=[0] * 9)]):
        with pytest.raises(DataError, match=f'people.json: {len(people)} annotations, and none'):
            choose_crop(read_coco(write_people(tmp_path, people)))


def test_one_keypoint_without_a_box_is_of_no_size(tmp_path):
    people = [annotation(i, 0, keypoints=[20, 20, 2], **NO_BOX) for i in (1, 2)]
    path = write_people(tmp_path, people, names=['nose'])
    path.write_text(path.read_text().replace('[[1, 2], [1, 3]]', '[]'))
    with pytest.raises(DataError, match='several people on an image, with one keypoint and no box'):
        choose_crop(read_coco(path))


@pytest.mark.parametrize(('names', 'given', 'pairs', 'why'), [
    (NAMES, [], [('left_eye', 'right_eye')], ''),
    (['a', 'b'], [('a', 'b')], [('a', 'b')], ''),
    (['0', '1'], [], [], 'no pairs were found by the names'),
    ([*NAMES, 'left_ear'], [], [('left_eye', 'right_eye')],
     'these have a side and no partner: left_ear')])
def test_images_are_mirrored_where_all_pairs_are_known(names, given, pairs, why):
    assert choose_pairs(names, given) == (pairs, why)


def test_more_people_get_a_larger_network():
    sizes = [choose_size(people) for people in (100, 4_999, 5_000, 100_000)]
    assert [(size.num_stacks, size.channels, size.side) for size in sizes] == [
        (2, 64, 128), (2, 64, 128), (2, 256, 256), (8, 256, 256)]


def test_weights_that_share_keypoints_are_started_from():
    name, shared = choose_weights(list(COCO_SIGMAS), SMALL)
    assert name == 'people-small' and len(shared) == 12
    name, shared = choose_weights(['Nose', 'left-eye', 'right eye', 'mouth'], SMALL)
    assert name == 'flic-small' and shared == ['Nose', 'left-eye', 'right eye']


def test_few_people_train_on_a_network_that_knows_their_keypoints():
    names = list(COCO_SIGMAS)
    size, weights, shared = choose_network(names, 4_999)
    assert (size, weights, len(shared)) == (TRAINED, 'people', 12)
    assert choose_network(NAMES, 10)[:2] == (TRAINED, 'flic')
    assert choose_network(['paw', 'tail'], 10) == (SMALL, None, [])
    assert choose_network(names, 5_000) == (choose_size(5_000), None, [])
    for people in (10, 5_000):
        assert choose_network(names, people, small=True)[:2] == (SMALL, 'people-small')


def test_a_face_or_a_larger_network_starts_from_random_numbers():
    assert choose_weights([f'keypoint_{i}' for i in range(98)] + ['nose'], SMALL) == (None, [])
    assert choose_weights(list(COCO_SIGMAS), choose_size(10_000)) == (None, [])


@pytest.mark.parametrize(('people', 'shared', 'rate'), [
    (99, 1, 3e-4), (99, 16 / 17, 1e-3), (99, 0, 2e-3), (100, 1, 1e-3), (4_999, 0.5, 1e-3)])
def test_what_is_trained_already_changes_slowly_for_few_people(people, shared, rate):
    assert choose_rate(TRAINED, people, shared) == rate


def test_a_pair_is_a_row_and_many_keypoints_are_one():
    pairs = [('left_eye', 'right_eye'), ('LEar', 'REar'), ('east', 'west')]
    names = ['nose', 'left_eye', 'right_eye', 'LEar', 'REar', 'east', 'west']
    assert table_rows(names, pairs) == dict(
        nose=['nose'], eye=['left_eye', 'right_eye'], Ear=['LEar', 'REar'], east=['east', 'west'])
    numbered = [f'keypoint_{i}' for i in range(4)]
    assert list(table_rows(numbered, [('keypoint_0', 'keypoint_1'), ('keypoint_2', 'keypoint_3')])
                ) == ['keypoint_0', 'keypoint_2']
    assert list(table_rows([str(i) for i in range(98)], [])) == ['All']
