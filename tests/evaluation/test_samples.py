"""mmpose's metrics score samples of our data sets, and ours those of mmpose's data sets."""
import json

import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs
from mmengine.registry import init_default_scope
from mmpose.datasets.datasets import CocoDataset
from mmpose.datasets.datasets import MpiiDataset as TheirMpiiDataset
from mmpose.registry import METRICS

from hourglass.datasets.flic.dataset import FlicDataset
from hourglass.datasets.lsp.dataset import LspDataset
from hourglass.datasets.mpii.dataset import MpiiDataset

PIPELINE = [dict(type='hourglass.LoadImage'), dict(type='hourglass.BoxToCrop'),
            dict(type='hourglass.CropImage', input_size=(32, 32)),
            dict(type='mmpose.PackPoseInputs')]


def predicted(dataset, shift: float = 0.0) -> list[dict]:
    """Samples as a metric gets them, each keypoint predicted ``shift`` px to the right."""
    samples = []
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples'].to_dict()
        keypoints = sample['gt_instances']['keypoints'] + [shift, 0]
        samples.append(sample | dict(pred_instances=dict(
            keypoints=keypoints, keypoint_scores=np.ones(keypoints.shape[:2]))))
    return samples


def evaluate(config: dict, dataset, data: list[dict]) -> dict[str, float]:
    init_default_scope('mmpose')
    metric = METRICS.build(config)
    metric.dataset_meta = dataset.metainfo
    metric.process([], data)
    return metric.evaluate(len(data))


@pytest.fixture
def ours(request, synthetic):
    options = dict(test_mode=True, pipeline=PIPELINE)
    if request.param == 'mpii':
        return MpiiDataset(data_root=str(synthetic / 'synthetic'), ann_file='test/annotations.json',
                           data_prefix=dict(img='test/images'), **options)
    kind = dict(flic=FlicDataset, lsp=LspDataset)[request.param]
    return kind(data_root=str(DATA / request.param), split='test', indices=12, **options)


@pytest.mark.parametrize('ours', [
    'mpii', *(pytest.param(name, marks=[needs(DATA / name), pytest.mark.data])
              for name in ('flic', 'lsp'))], indirect=True)
def test_mmposes_metrics_score_perfect_predictions_of_ours(ours):
    data = predicted(ours)
    shoulders = [list(ours.metainfo['keypoint_name2id']).index(f'{side}_shoulder')
                 for side in ('left', 'right')]
    coco = dict(type='CocoMetric', nms_mode='none')
    for area in (True, False):
        assert evaluate(dict(coco, use_area=area), ours, data)['coco/AP'] == pytest.approx(1)
    assert evaluate(dict(type='PCKAccuracy', thr=0.05), ours, data) == {'PCK': 1}
    assert evaluate(dict(type='AUC'), ours, data) == {'AUC': pytest.approx(0.95)}   # 0 is not < 0
    assert evaluate(dict(type='EPE'), ours, predicted(ours, 3))['EPE'] == pytest.approx(3, rel=1e-5)
    for nme in (dict(norm_mode='use_norm_item', norm_item='bbox_size'),
                dict(norm_mode='keypoint_distance', keypoint_indices=shoulders)):
        assert evaluate(dict(type='NME', **nme), ours, data) == {'NME': 0}
    for metric, name, best in ((dict(type='PCKAccuracy'), 'PCK', 1), (dict(coco), 'coco/AP', 1)):
        parts = evaluate(dict(type='KeypointPartitionMetric', metric=metric, partitions=dict(
            shoulders=shoulders, first=[0, 1])), ours, data)
        assert {key: value for key, value in parts.items() if key.endswith(name)} == {
            f'{part}/{name}': pytest.approx(best) for part in ('shoulders', 'first')}
    assert evaluate(dict(type='hourglass.OksAP'), ours, data)['oks/AP'] == pytest.approx(100)


@pytest.mark.parametrize('ours', ['mpii'], indirect=True)
def test_mmposes_pck_by_the_head_is_pckh(ours):
    data = predicted(ours, 4)
    theirs = evaluate(dict(type='PCKAccuracy', thr=0.5, norm_item='head'), ours, data)['PCKh']
    official = evaluate(dict(type='hourglass.MpiiPCKh', protocol='princeton'), ours, data)
    mean = np.mean([official[f'mpii/{name}'] for name in ('Neck', 'Pelvis', 'Thorax')])
    assert theirs * 100 == pytest.approx(mean)          # every joint is off alike


def test_ids_tell_people_from_images(synthetic, tmp_path):
    people = json.loads((synthetic / 'synthetic/test/annotations.json').read_text())['people']
    people[2]['image'] = people[0]['image']
    (tmp_path / 'a.json').write_text(json.dumps(people))
    dataset = MpiiDataset(data_root=str(tmp_path), ann_file='a.json', test_mode=True,
                          data_prefix=dict(img=str(synthetic / 'synthetic/test/images')))
    infos = [dataset.get_data_info(i) for i in range(4)]
    first = infos[0]['id']                              # another one in each data set
    assert [info['id'] - first for info in infos] == [0, 1, 2, 3]
    assert [info['img_id'] - first for info in infos] == [0, 1, 0, 2]
    assert [info['raw_ann_info']['id'] - first for info in infos] == [1, 2, 3, 4]
    assert [info['raw_ann_info']['image_id'] - first for info in infos] == [0, 1, 0, 2]


@pytest.fixture
def people(synthetic) -> list[dict]:
    return json.loads((synthetic / 'synthetic/test/annotations.json').read_text())['people'][:3]


def test_ours_score_mmposes_coco(people, synthetic, tmp_path):
    annotations = []
    for i, person in enumerate(people):
        joints = np.column_stack([person['joints'], np.full(16, 2)])
        joints[3] = 0                                       # not annotated
        joints[7, 2] = 1                                    # COCO's left elbow, occluded
        joints = np.concatenate([joints, joints[:1]])       # COCO has 17
        annotations.append(dict(id=7 + i, image_id=i, category_id=1, bbox=[1, 1, 60, 90], area=99,
                                iscrowd=0, num_keypoints=16, keypoints=joints.ravel().tolist()))
    (tmp_path / 'a.json').write_text(json.dumps(dict(
        images=[dict(id=i, file_name=p['image'], width=128, height=128)
                for i, p in enumerate(people)],
        categories=[dict(id=1, name='person')], annotations=annotations)))
    dataset = CocoDataset(
        ann_file=str(tmp_path / 'a.json'), test_mode=True, pipeline=PIPELINE,
        data_prefix=dict(img=str(synthetic / 'synthetic/test/images/')))
    metric = dict(type='hourglass.PCK', unit='person', groups=dict(
        Arm=['left_elbow', 'right_elbow'], Ear=['left_ear', 'right_ear']))
    scores = evaluate(metric, dataset, predicted(dataset))
    assert scores['pck/Arm'] == scores['pck/Ear'] == scores['pck/Occluded'] == 100
    far = evaluate(metric, dataset, predicted(dataset, 1e4))
    assert far['pck/Arm'] == far['pck/Occluded'] == 0
    assert evaluate(dict(type='hourglass.OksAP'), dataset, predicted(dataset))[
        'oks/AP'] == pytest.approx(100)


def test_ours_score_mmposes_mpii(people, synthetic, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)         # in a checkout it would take our configs/ for mmpose's
    boxes = np.array([person['head_box'] for person in people], float)         # (P, 4)
    scipy.io.savemat(tmp_path / 'boxes.mat', dict(
        headboxes_src=boxes.reshape(-1, 2, 2).transpose(1, 2, 0)))
    (tmp_path / 'a.json').write_text(json.dumps(
        [dict(person, image=f'{i}.jpg') for i, person in enumerate(people)]))
    for i, person in enumerate(people):
        (tmp_path / f'{i}.jpg').symlink_to(synthetic / 'synthetic/test/images' / person['image'])
    dataset = TheirMpiiDataset(
        ann_file=str(tmp_path / 'a.json'), headbox_file=str(tmp_path / 'boxes.mat'),
        data_prefix=dict(img=str(tmp_path)), test_mode=True, pipeline=PIPELINE)
    unit = 0.6 * np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    for shift, total in ((0.49 * unit.min(), 100), (0.51 * unit.max(), 0)):
        scores = evaluate(dict(type='hourglass.MpiiPCKh'), dataset, predicted(dataset, shift))
        assert scores['mpii/Total'] == total
