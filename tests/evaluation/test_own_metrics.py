"""Metrics of one's own table: any threshold, any unit, errors before the first batch."""
import numpy as np
import pytest
from metric_samples import samples
from mmengine.logging import MMLogger
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from hourglass.datasets import skeletons
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation.metrics import MpiiPCKh
from hourglass.evaluation.own_metrics import AUC, EPE, NME, PCK

GROUPS = dict(Elbow=('right_elbow', 'left_elbow'), Wrist=('right_wrist', 'left_wrist'))
NAMES = skeletons.keypoint_names(skeletons.MPII)
WRISTS = [NAMES.index(name) for name in GROUPS['Wrist']]


def evaluate(metric, data: list[dict]) -> dict:
    metric.dataset_meta = parse_pose_metainfo(skeletons.MPII)
    metric.process([], data)
    return metric.evaluate(len(data))


def test_pck_of_any_skeleton_is_what_the_named_protocols_count():
    own, official = evaluate(PCK(GROUPS, threshold=0.5), samples()), evaluate(
        MpiiPCKh(), samples())
    for name in GROUPS:
        assert own[f'pck/{name}'] == official[f'mpii/{name}']
    distances = [np.linalg.norm(one['pred_instances']['keypoints'][0] - (
        one['raw_ann_info']['keypoints_image']), axis=-1) / one['raw_ann_info']['pck_unit']
        for one in samples()]
    places = [NAMES.index(name) for part in GROUPS.values() for name in part]
    counted = np.stack(distances)[:, places]
    assert own['pck/Total'] == pytest.approx(                   # of all keypoints together
        100 * (counted[~np.isnan(counted)] <= 0.5).mean())


@pytest.mark.parametrize('threshold', [0.025, 0.05, 0.125, 0.2, 1])
def test_any_threshold_is_compared_exactly(threshold):
    data = samples(200)
    truth = np.stack([sample['raw_ann_info']['keypoints_image'] for sample in data])
    found = np.stack([sample['pred_instances']['keypoints'][0] for sample in data])
    distances = (np.linalg.norm(found - truth, axis=-1) / 30)[:, WRISTS]
    correct = [100 * (side[~np.isnan(side)] <= threshold).mean() for side in distances.T]
    scores = evaluate(PCK(dict(Wrist=GROUPS['Wrist']), threshold), data)
    assert scores['pck/Wrist'] == pytest.approx(np.mean(correct))
    assert {'pck/Total', 'pck/Wrist', 'pck/AUC'} <= scores.keys()
    assert 'pck/Total@0.1' not in scores


def test_the_same_wrists_score_the_same_whatever_else_is_in_the_table():
    alone, beside = (evaluate(PCK(groups, 0.1, unit='person'), samples(50))['pck/Wrist']
                     for groups in (dict(Wrist=GROUPS['Wrist']), GROUPS))
    assert 0 < alone == beside < 100


def test_units_are_those_of_the_whole_person():
    data = samples(missing=0)
    for sample in data:
        sample['raw_ann_info']['bbox_image'] = np.array([0, 0, 50, 200])
        truth = sample['raw_ann_info']['keypoints_image']
        truth[:] = 0
        for name, x in (('right_ankle', 100), ('right_hip', 40), ('head_top', 25)):
            truth[NAMES.index(name), 0] = x
        sample['pred_instances']['keypoints'] = truth[None] + [10, 0]
    for unit, px in (('person', 100), ('bbox', 200), ('torso', 40), ('head', 25), ('given', 30),
                     (['right_hip', 'head_top'], 15)):
        assert evaluate(NME(GROUPS, unit=unit), data)['nme/Total'] == pytest.approx(1000 / px)
    assert evaluate(EPE(GROUPS), data)['epe/Total'] == pytest.approx(10)
    assert [evaluate(PCK(GROUPS, px, 'px'), data)['pck/Total'] for px in (9.9, 10)] == [0, 100]


def test_auc_nme_and_epe_are_means_of_the_distances():
    data = samples(50)
    truth, found = (np.stack([sample[where][name].reshape(16, 2) for sample in data])[:, WRISTS]
                    for where, name in (('raw_ann_info', 'keypoints_image'),
                                        ('pred_instances', 'keypoints')))
    px = np.linalg.norm(found - truth, axis=-1)
    px = px[~np.isnan(px)]
    groups = dict(Wrist=GROUPS['Wrist'])
    epe, nme, auc = (evaluate(metric, data) for metric in (
        EPE(groups), NME(groups), AUC(groups, threshold=0.5)))
    assert epe['epe/Total'] == pytest.approx(px.mean())
    assert nme['nme/Total'] == pytest.approx(100 / 30 * px.mean())
    curve = [100 * (px / 30 <= t).mean() for t in np.arange(51) / 100]
    assert auc['auc/Total'] == pytest.approx(np.mean([curve[:-1], curve[1:]]))
    assert set(epe) - {'epe/Visible', 'epe/Occluded'} == {'epe/Total', 'epe/Wrist'}


def test_a_person_with_a_single_keypoint_does_not_end_the_validation(monkeypatch):
    data, lines = samples(), []
    data[2]['raw_ann_info']['keypoints_image'][1:] = np.nan
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', lines.append)
    assert evaluate(PCK(GROUPS, unit='person'), data) == pytest.approx(
        evaluate(PCK(GROUPS, unit='person'), data[:2] + data[3:]))
    assert lines[0] == ('PCK@0.2 (own): 1 of 10 people do not count, as the longer side of the box '
                        'around the annotated keypoints cannot be measured')


def test_a_keypoint_that_nobody_has_has_no_score():
    data = samples()
    for sample in data:
        sample['raw_ann_info']['keypoints_image'][WRISTS] = np.nan
    scores = evaluate(PCK(GROUPS), data)
    assert scores['pck/Wrist'] is None and scores['pck/Elbow'] == scores['pck/Total']


@pytest.mark.parametrize(('metric', 'options', 'message'), [
    (PCK, dict(threshold=0), 'PCK: threshold=0, a number above 0 and at most 1 needed'),
    (PCK, dict(threshold=1.5), 'PCK: threshold=1.5, a number'),
    (AUC, dict(threshold=20), 'AUC: threshold=20, a number'),
    (PCK, dict(unit='foot'), "unit='foot', choose from given, person, bbox, torso, head, px, or"),
    (NME, dict(unit=['a', 'b', 'c']), 'or name two keypoints'),
    (PCK, dict(groups={}), 'PCK: groups={}, a row with at least one keypoint needed'),
    (PCK, dict(groups=['nose']), 'PCK: groups=.* a row with at least one keypoint needed'),
    (PCK, dict(threshold='0.2'), "PCK: threshold='0.2', a number above 0"),
    (EPE, dict(groups=dict(Head=[])), 'EPE: groups=.* a row with at least one keypoint'),
    (PCK, dict(groups=dict(Head='head_top')), r'least one keypoint needed, as in dict\('),
    (PCK, dict(groups=dict(Total=['head_top'])), "PCK: groups names a row 'Total', as every"),
    (PCK, dict(threshold=float('inf'), unit='px'), 'PCK: threshold=inf, a number')])
def test_what_cannot_be_measured_is_refused_when_the_config_is_built(metric, options, message):
    with pytest.raises(ConfigError, match=message):
        metric(**dict(groups=GROUPS) | options)


@pytest.mark.parametrize(('options', 'message'), [
    (dict(groups=dict(Foot=['left_foot'])), "PCK scores 'left_foot', which is no keypoint of mpii; "
                                            'it has right_ankle, right_knee'),
    (dict(unit=['nose', 'pelvis']), "PCK measures by 'nose', which is no keypoint of mpii")])
def test_keypoints_are_checked_once_the_data_set_is_known(options, message):
    metric = PCK(**dict(groups=GROUPS) | options)
    with pytest.raises(ConfigError, match=message):
        metric.dataset_meta = parse_pose_metainfo(skeletons.MPII)


def test_a_data_set_without_the_unit_is_named():
    data = samples()
    with pytest.raises(DataError, match="a.jpg, row 0: the longer side of the person's box cannot "
                                        'be measured; give the data set its pck_unit or bbox'):
        evaluate(PCK(GROUPS, unit='bbox'), data)
    data[0]['raw_ann_info']['pck_unit'] = None
    with pytest.raises(DataError, match=r"row 0: the data set's unit cannot be measured; give the "
                                        'data set its pck_unit or bbox_image, or the metric'):
        evaluate(PCK(GROUPS), data)
