"""The data set of COCO's form: what becomes a person, who is left out, and which crop they get."""
import json

import numpy as np
import pytest
from own_people import NAMES, annotation, write_people

from hourglass.datasets.coco import KeypointDataset
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation.oks_metric import OksAP
from hourglass.evaluation.own_metrics import PCK


def dataset(folder, annotations=None, **options) -> KeypointDataset:
    path = write_people(folder, annotations)
    return KeypointDataset(str(path), data_prefix=dict(img=str(folder / 'images')), **options)


def test_names_bones_and_pairs_are_those_of_the_file(tmp_path):
    meta = dataset(tmp_path).metainfo
    assert [meta['keypoint_id2name'][i] for i in range(3)] == NAMES
    assert meta['skeleton_links'] == [(0, 1), (0, 2)] and meta['flip_indices'] == [0, 2, 1]


def test_pairs_can_be_given(tmp_path):
    meta = dataset(tmp_path, flip_pairs=[('nose', 'right_eye')]).metainfo
    assert meta['flip_indices'] == [2, 1, 0]


def test_a_person_has_the_keypoints_the_crop_around_the_box_and_the_area(tmp_path):
    person = dataset(tmp_path)[1]['raw_ann_info']
    assert np.array_equal(person['keypoints_image'],
                          [[55, 15], [65, 20], [np.nan, np.nan]], equal_nan=True)
    assert person['occluded'].tolist() == [False, True, False]
    assert person['bbox'] == [40, 10, 30, 20] and person['area'] == 300


@pytest.mark.parametrize(('crop', 'center', 'side'), [
    ('bbox', [24.5, 19.5], 1.25 * 30), ('keypoints', [30, 17.5], 1.25 * 10),
    ('image', [39.5, 29.5], 80)])
def test_the_crop_lies_around_the_box_the_keypoints_or_the_image(tmp_path, crop, center, side):
    sample = dataset(tmp_path, [annotation(1, 0)], crop=crop)[0]
    assert sample['bbox_center'].tolist() == [center] and sample['bbox_scale'][0, 0] == side


def test_a_crop_of_the_image_is_for_one_person(tmp_path):
    with pytest.raises(DataError, match=r"crop='image' is for one person an image, and 0\.png"):
        dataset(tmp_path, crop='image')


@pytest.mark.parametrize(('fault', 'message'), [
    (dict(bbox=[200, 10, 30, 20], keypoints=[205, 15, 2] * 3),
     '11 of 11 annotations lie outside of their images; were these annotated in another size'),
    (dict(bbox=[40, 30, 70, 55]), '11 of 11 boxes end outside .* not as two corners')])
def test_a_file_that_does_not_fit_its_images_is_refused(tmp_path, fault, message):
    with pytest.raises(DataError, match=message):
        dataset(tmp_path, [annotation(row, row % 2, **fault) for row in range(1, 12)])


LEFT_OUT = {
    'crowd': dict(iscrowd=1), 'no keypoints': dict(keypoints=[0] * 9), 'no box': dict(bbox=None),
    'outside': dict(bbox=[200, 10, 30, 20], keypoints=[205, 15, 2] * 3)}


@pytest.mark.parametrize('reason', LEFT_OUT)
def test_who_is_left_out_is_counted_and_else_an_error(tmp_path, reason):
    people = [annotation(1, 0), annotation(2, 1, **LEFT_OUT[reason])]
    found = dataset(tmp_path, people)
    assert len(found) == 1 and found.left_out == {reason: 1}
    others = set(LEFT_OUT) - {reason}
    if reason == 'crowd':
        assert len(dataset(tmp_path, people, leave_out=others)) == 2
    else:
        with pytest.raises(DataError, match=r'annotation 2 \(1\.png\): '):
            dataset(tmp_path, people, leave_out=others)


@pytest.mark.parametrize('bbox', [[10, 10, 0, 20], [10, 10, 30, -1], []])
def test_a_box_without_area_is_none_but_the_keypoints_can_be_cropped(tmp_path, bbox):
    people = [annotation(1, 0, bbox=bbox)]
    with pytest.raises(DataError, match="no person to use; 1 for 'no box' left out of 1 annot"):
        dataset(tmp_path, people)
    person = dataset(tmp_path, people, crop='keypoints')[0]['raw_ann_info']
    assert person['bbox'] == [25.5, 15.5, 10, 5]         # to measure by


def test_a_single_keypoint_has_no_extent_to_crop(tmp_path):
    people = [annotation(1, 0, bbox=[], keypoints=[30, 30, 2, *[0] * 6])]
    with pytest.raises(DataError, match="1 for 'no box'"):
        dataset(tmp_path, people, crop='keypoints')
    assert len(dataset(tmp_path, people, crop='image')) == 1


def test_the_size_of_an_image_is_read_where_the_file_does_not_give_it(tmp_path):
    path = write_people(tmp_path, [annotation(1, 0)])
    content = json.loads(path.read_text())
    del content['images'][0]['width']
    path.write_text(json.dumps(content))
    sample = KeypointDataset(str(path), crop='image',
                             data_prefix=dict(img=str(tmp_path / 'images')))[0]
    assert sample['bbox_scale'][0, 0] == 80


def test_the_splits_share_no_image_and_miss_none(tmp_path):
    names = [{one['img_path'] for one in dataset(tmp_path, split=split, held_out=0.25)}
             for split in ('train', 'val')]
    assert [len(one) for one in names] == [6, 2] and not names[0] & names[1]


def test_perfect_predictions_have_the_highest_score_of_each_metric(tmp_path):
    people = dataset(tmp_path)
    for metric in (OksAP(sigmas=dict.fromkeys(NAMES, 0.05)), PCK(dict(All=NAMES), unit='bbox')):
        metric.dataset_meta = people.metainfo
        samples = [one | dict(pred_instances=dict(
            keypoints=one['keypoints'], keypoint_scores=np.ones((1, 3)))) for one in people]
        metric.process([], samples)
        scores = metric.evaluate(len(people))
        assert scores.get('oks/AP', scores.get('pck/Total')) == 100


def test_with_another_skeleton_keypoints_keep_their_names(tmp_path):
    sample = dataset(tmp_path, skeleton='flic')[0]
    assert sample['keypoints_visible'][0].nonzero()[0].tolist() == [8, 10]       # left eye, nose


@pytest.mark.parametrize(('options', 'message'), [
    (dict(crop='box'), r"crop='box', choose from \('bbox', 'keypoints', 'image'\)"),
    (dict(split='test', held_out=0.1), r"split='test', choose from \('train', 'val'\)"),
    (dict(leave_out=['crowds']), "leave_out='crowds', choose from"),
    (dict(split='val'), 'split and held_out go together'),
    (dict(flip_pairs=[('nose', 'mouth')]), "no keypoint 'mouth'")])
def test_wrong_options_are_refused(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        dataset(tmp_path, **options)


def test_a_box_of_huge_whole_numbers_is_outside_of_the_image(tmp_path):
    people = dataset(tmp_path, [annotation(i, i, bbox=[x, 10, 30, 20])
                                for i, x in enumerate([10, 10, 10, 2**64])])
    assert len(people) == 3 and people.left_out == {'outside': 1}


def test_rows_are_those_of_the_file_in_every_split(tmp_path):
    (tmp_path / 'val.txt').write_text('5.png')
    people = dataset(tmp_path, split='val', held_out=str(tmp_path / 'val.txt'))
    assert [people[i]['raw_ann_info']['row'] for i in range(len(people))] == [10, 11]


def test_people_are_read_again_before_a_data_set_is_full(tmp_path):
    people = dataset(tmp_path, lazy_init=True)
    assert len(people.read_people()) == len(people.read_people()) == 16


@pytest.mark.parametrize('argument', [
    dict(bbox_file='boxes.json'), dict(sample_interval=2), dict(data_mode='bottomup'),
    dict(filter_cfg=dict(bbox_score_thr=0.5)), dict(metainfo=dict(from_file='mpii.py'))], ids=str)
def test_arguments_of_mmpose_without_effect_are_refused(tmp_path, argument):
    with pytest.raises(ConfigError, match=f'KeypointDataset: {next(iter(argument))} has no effect'):
        dataset(tmp_path, **argument)
    dataset(tmp_path, bbox_file='', sample_interval=1, data_mode='topdown', filter_cfg=None)
