"""Metrics give the same numbers for any batches and ranks, and errors name the person."""
from __future__ import annotations

import json

import numpy as np
import pytest
from children import together
from metric_samples import evaluate_in_process, samples
from mmengine.logging import MMLogger
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from hourglass.datasets import skeletons
from hourglass.datasets.base import SAMPLE_IDS
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation.metrics import FlicPCK, LspPCK, MpiiPCKh
from hourglass.evaluation.prediction_files import read_predictions


def evaluate(metric, data: list[dict], batch: int, skeleton: dict = skeletons.MPII,
             size: int | None = None) -> dict:
    metric.dataset_meta = parse_pose_metainfo(skeleton)
    for start in range(0, len(data), batch):
        metric.process([], data[start:start + batch])
    return metric.evaluate(size or len({sample['id'] for sample in data}))


LIMBS = {'Shoulder', 'Elbow', 'Wrist', 'Hip'}
LEGS = {'Knee', 'Ankle', 'Head'}
ALWAYS = {'Total', 'Total@0.1', 'AUC'}


@pytest.mark.parametrize(('metric', 'options', 'skeleton', 'names'), [
    (MpiiPCKh, {}, skeletons.MPII, LIMBS | LEGS),
    (MpiiPCKh, {'protocol': 'princeton'}, skeletons.MPII,
     LIMBS | LEGS | {'Neck', 'Pelvis', 'Thorax'}),
    (FlicPCK, {}, skeletons.FLIC, LIMBS | {'Face'}),
    (LspPCK, {'protocol': 'person'}, skeletons.LSP, LIMBS | LEGS),
    (LspPCK, {}, skeletons.MPII, LIMBS | LEGS),
    (LspPCK, {'protocol': 'pcp'}, skeletons.LSP,
     {'Torso', 'Thigh', 'Calf', 'Upper arm', 'Forearm', 'Head'})])
def test_batches_and_repeated_people_do_not_matter(metric, options, skeleton, names):
    data = samples(joints=len(skeleton['keypoint_info']),
                   missing=0.2 if metric is MpiiPCKh else 0)        # or a torso may be missing
    results = [evaluate(metric(**options), given, batch, skeleton)
               for given, batch in ((data, 1), (data, 3), (data, 10), (data + data[:2], 4))]
    assert all(result == results[0] for result in results)
    found = {name.split('/')[1] for name in results[0]}
    assert found - {'Visible', 'Occluded'} == names | ALWAYS
    assert ('Occluded' in found) == (options.get('protocol') != 'pcp')
    assert 0 < results[0][f'{metric.default_prefix}/Total'] < 100


def test_images_of_joined_data_sets_that_have_one_name_are_resampled_apart():
    metric, data = MpiiPCKh(), samples()                                # all on 'a.jpg'
    evaluate(metric, data, 10)
    assert np.isnan(metric.intervals['Total']).all()                    # a single image
    evaluate(metric, data[:6] + [dict(one, id=one['id'] + SAMPLE_IDS) for one in data[6:]], 10)
    assert len(metric.scored.tables[0].sums) == 2
    assert metric.intervals['Total'][0] < metric.intervals['Total'][1]


def test_every_stage_is_scored_on_request():
    data = samples()
    place = dict(input_size=(256, 256), input_scale=np.array([512.0, 512.0]),
                 input_center=np.array([100.0, 50.0]))
    stages_image = [sample['pred_instances']['keypoints'][0] + shift
                    for sample in data for shift in (1e6, 0)]                  # a wrong one, ours
    for i, sample in enumerate(data):
        stages_input = (np.stack(stages_image[2 * i:2 * i + 2]) - [100, 50] + 256) / 2
        sample['pred_instances']['stage_keypoints'] = stages_input[None]
        sample |= place
    scores = evaluate(MpiiPCKh(), data, 3)
    assert scores['mpii/stage0/Total'] == 0 < scores['mpii/Total']
    own = {name: score for name, score in scores.items() if 'stage' not in name}
    assert own == {name.replace('stage1/', ''): score
                   for name, score in scores.items() if 'stage1' in name}
    assert own == evaluate(MpiiPCKh(), samples(), 3)


def test_perfect_predictions_score_100_and_hopeless_ones_0():
    data = samples()
    for sample in data:
        sample['pred_instances']['keypoints'] = np.nan_to_num(
            sample['raw_ann_info']['keypoints_image'])[None]
    assert set(evaluate(MpiiPCKh(), data, 4).values()) == {100.0}
    for sample in data:
        sample['pred_instances']['keypoints'] += 1e6
    assert set(evaluate(MpiiPCKh(), data, 4).values()) == {0.0}


def test_the_scored_people_have_their_peaks(rng):
    data, metric = samples(), MpiiPCKh()
    for sample in data:
        sample['pred_instances']['keypoint_scores'] = rng.random((1, 16))
    evaluate(metric, data, 3)
    assert np.array_equal(metric.scored.peaks, np.concatenate(
        [sample['pred_instances']['keypoint_scores'] for sample in data]))


def test_only_single_persons_count_in_the_official_score():
    data = samples()
    alone = evaluate(MpiiPCKh(single_person_only=True), data, 4)
    assert alone['mpii/Total'] == evaluate(MpiiPCKh(), data[3:], 4)['mpii/Total']
    data[4]['raw_ann_info']['single_person'] = None
    with pytest.raises(DataError, match=r'row 4: not marked whether .*prepare mpii'):
        evaluate(MpiiPCKh(single_person_only=True), data, 4)


@pytest.mark.parametrize('ranks', [2, pytest.param(3, marks=pytest.mark.slow)])
def test_any_number_of_processes_gives_the_same_numbers(tmp_path, ranks):
    people = 11                                     # divides by neither 2 nor 3
    evaluate_in_process(0, 1, str(tmp_path), people)
    together(evaluate_in_process, (ranks, str(tmp_path), people), ranks)
    alone = json.loads((tmp_path / '1_0.json').read_text())
    assert 0 < alone['mpii/Total'] < 100
    for rank in range(ranks):
        assert json.loads((tmp_path / f'{ranks}_{rank}.json').read_text()) == alone
    assert (tmp_path / f'people{ranks}.json').read_bytes() == (
        tmp_path / 'people1.json').read_bytes()


def test_the_table_has_a_row_for_each_stage(monkeypatch):
    lines = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'info', lines.append)
    data = samples()
    for sample in data:
        sample['pred_instances']['stage_keypoints'] = np.zeros((1, 2, 16, 2))
        sample |= dict(input_size=(256, 256), input_scale=np.array([512.0, 512.0]),
                       input_center=np.array([100.0, 50.0]))
    total = evaluate(MpiiPCKh(), data, 3)['mpii/Total']
    title, header, *rows = lines[0].splitlines()
    assert title == 'PCKh@0.5 (official) of 10 people'
    assert header.split()[:2] == ['protocol', 'Total']
    assert [row.split()[:2] for row in rows] == [
        ['prediction', 'official'], ['±,', '95'], ['stage0', 'official'], ['stage1', 'official']]
    assert rows[0].split()[2] == f'{total:.2f}'


def test_a_file_of_every_person_can_be_scored_again(tmp_path):
    data = samples()
    evaluate(MpiiPCKh(people_file=str(tmp_path / 'new/people.json')), data[::-1], 4)
    people = json.loads((tmp_path / 'new/people.json').read_text())['people']
    assert [person['row'] for person in people] == list(range(10))
    assert {person['image_name'] for person in people} == {'a.jpg'}
    assert people[3]['keypoints'] == data[3]['pred_instances']['keypoints'][0].tolist()
    annotated = ~np.isnan(data[3]['raw_ann_info']['keypoints_image']).any(-1)
    assert [distance is not None for distance in people[3]['distances']] == annotated.tolist()
    found = read_predictions(tmp_path / 'new/people.json', range(10), 16)
    assert found.base == 0
    assert np.array_equal(found[:], [sample['pred_instances']['keypoints'][0] for sample in data])


def test_a_person_who_cannot_be_measured_is_named_and_not_skipped():
    data = samples()
    for unit in (np.nan, 0, np.inf):
        data[3]['raw_ann_info']['pck_unit'] = unit
        with pytest.raises(DataError, match=(r'a\.jpg, row 3: 0.6 x the diagonal of .* cannot be '
                                             'measured; give the data set its head_box_file')):
            evaluate(MpiiPCKh(), data, 4)
    data[3]['raw_ann_info']['keypoints_image'][:] = np.nan         # nothing to score: no box needed
    assert evaluate(MpiiPCKh(), data, 4)
    for sample in data:
        sample['raw_ann_info']['keypoints_image'] = np.full((16, 2), np.nan)
    assert evaluate(MpiiPCKh(), data, 4) == {}                      # as on MPII's test set
    metric = MpiiPCKh()
    metric.dataset_meta = parse_pose_metainfo(skeletons.MPII)
    metric.process([], data[:7])
    with pytest.raises(DataError, match='3 of 10 people were not predicted'):
        metric.evaluate(10)


def test_another_number_of_joints_is_refused():
    data = samples()
    data[2]['pred_instances']['keypoints'] = np.zeros((1, 14, 2))
    with pytest.raises(DataError, match='row 2: 14 joints predicted, 16 annotated'):
        evaluate(MpiiPCKh(), data, 4)


def test_protocols_have_names():
    with pytest.raises(ConfigError, match="mpii has no protocol 'coco', choose from official"):
        MpiiPCKh(protocol='coco')


def test_two_people_of_one_id_both_count():
    data = samples()
    expected = evaluate(MpiiPCKh(), data, 10)
    data[7]['id'] = 4                                   # as in two data sets that are concatenated
    assert evaluate(MpiiPCKh(), data, 10, size=10) == expected


def test_samples_that_repeat_are_refused():
    data = samples(5)
    with pytest.raises(DataError, match='5 of 10 samples repeat others, .*leave out RepeatDataset'):
        evaluate(MpiiPCKh(), data + data, 10, size=10)


def test_a_data_set_without_a_protocols_joints_is_refused_before_the_first_batch():
    with pytest.raises(ConfigError, match="PCK scores 'upper_neck', which is no keypoint of flic"):
        LspPCK().dataset_meta = parse_pose_metainfo(skeletons.FLIC)


def test_names_of_scores_are_known_before_the_test():
    metric = FlicPCK()
    assert metric.columns == list(evaluate(metric, samples(joints=11, missing=0), 4,
                                           skeletons.FLIC))
