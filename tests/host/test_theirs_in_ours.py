"""mmpose's heads, data sets, metrics and hooks with our parts: docs/mmpose-parts.md, as tests."""
import re
import shutil
import sys
from operator import attrgetter
from pathlib import Path
from unittest.mock import MagicMock

import cv2
import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from host_parts import blocks, write_theirs
from mmengine.config import Config
from mmengine.registry import DATASETS, METRICS, MODELS, init_default_scope
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from hourglass.checkpoints import read_checkpoint
from hourglass.engine.checks import check_model
from hourglass.errors import ConfigError

PAGE = 'mmpose-parts.md'
HEADS = ['heatmap_head.py', 'simcc_head.py', 'rtmcc_head.py']
# data set -> number of keypoints and its metrics, as the page's table has them
DATA_SETS = {kind: (int(count), re.findall(r'`([\w.]+)`', metrics)) for kind, count, metrics in
             re.findall(r'^\| `(\w+Dataset)` \| (\d+) \| (.*) \|$',
                        (REPOSITORY / 'docs' / PAGE).read_text(), re.MULTILINE)}
SCORES = {'CocoMetric': 'coco/AP', 'PCKAccuracy': 'PCK', 'hourglass.OksAP': 'oks/AP'}


@pytest.fixture
def root(synthetic, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    return synthetic / 'synthetic'


@pytest.mark.parametrize('file', HEADS)
def test_their_heads_and_losses_train_on_our_people(run, root, file):
    [step], [scores] = run(PAGE, file)
    assert np.isfinite(step['loss_kpt'])
    assert 0 <= scores['mpii/Total'] <= 100


@pytest.mark.slow
@pytest.mark.parametrize('file', HEADS)
def test_their_heads_learn_four_people_by_heart(run, root, file):
    """Crop, targets, decoder and mirrored test agree."""
    _, scores = run(PAGE, file, 'train_cfg.max_epochs=120', 'train_cfg.val_interval=120',
                    'val_dataloader.dataset.ann_file=train/annotations.json',
                    'val_dataloader.dataset.data_prefix.img=train/images')
    assert scores[-1]['mpii/Total'] > 90


def test_their_head_for_associative_embedding_predicts_and_is_not_trained(root, tmp_path):
    (tmp_path / 'configs').symlink_to(REPOSITORY / 'configs')
    (tmp_path / 'tags.py').write_text(blocks(PAGE)['tags.py'])
    cfg = Config.fromfile(tmp_path / 'tags.py')
    init_default_scope('mmpose')
    model = MODELS.build(cfg.model).eval()
    sample = PoseDataSample(metainfo=dict(
        flip_indices=list(range(17)), img_shape=(128, 128), input_size=(128, 128),
        input_center=np.array([64, 64]), input_scale=np.array([128, 128])))
    sample.gt_instances = InstanceData()
    with torch.no_grad():
        [found] = model.test_step(dict(
            inputs=[torch.zeros(3, 128, 128, dtype=torch.uint8)], data_samples=[sample]))
    assert found.pred_instances.keypoints.shape[1:] == (17, 2)
    with pytest.raises(ConfigError, match='EmbeddingHead cannot be trained'):
        check_model(model, cfg)


def test_the_table_has_the_data_sets():
    assert len(DATA_SETS) == 5


def their_data(folder: Path, kind: str, root: Path) -> list[str]:
    """Options that let the page's config read a small file of another form."""
    images, count = root / 'test/images', DATA_SETS[kind][0]
    annotation = write_theirs(folder, kind, count, images)
    return [f'model.backbone.num_keypoints={count}', *(
        f'{loader}_dataloader.dataset.{option}' for loader in ('train', 'val') for option in (
            f'type={kind}', f'data_root={root}', f'ann_file={annotation}',
            f'data_prefix.img={images}'))]


@pytest.mark.parametrize('kind', [kind if kind == 'CocoDataset' else pytest.param(
    kind, marks=pytest.mark.slow) for kind in DATA_SETS])
def test_our_network_trains_on_their_data(run, root, tmp_path, kind):
    metrics = DATA_SETS[kind][1]
    evaluators = [dict(type=metric) | (
        dict(norm_mode='keypoint_distance') if metric == 'NME' else {}) for metric in metrics]
    [step], [scores] = run(PAGE, 'coco_data.py', *their_data(tmp_path, kind, root),
                           more=f'val_evaluator = test_evaluator = {evaluators}\n')
    assert np.isfinite([step['loss_stage0'], step['loss_stage1']]).all()
    assert {SCORES.get(metric, metric) for metric in metrics} <= scores.keys()


@pytest.mark.parametrize(('evaluator', 'line'), [
    (dict(type='CocoMetric'), "CocoMetric needs the keypoints' sigmas, and the data set 'onehand"),
    pytest.param(dict(type='NME', norm_mode='keypoint_distance'),
                 'would fail: KeyError: .*keypoint_indices', marks=pytest.mark.slow)])
def test_a_metric_that_does_not_fit_is_refused_before_the_first_step(
        run, root, tmp_path, evaluator, line):
    with pytest.raises(SystemExit, match=f'^error: .*{line}'):
        run(PAGE, 'coco_data.py', *their_data(tmp_path, 'OneHand10KDataset', root),
            more=f'val_evaluator = test_evaluator = {evaluator}\n')
    assert not list((tmp_path / 'work').glob('*.pth'))


@pytest.mark.parametrize('kind', DATA_SETS)
def test_our_metrics_agree_with_theirs_on_their_data(root, tmp_path, kind):
    """Where both are defined alike, on predictions that are off by 1.5 px in each direction."""
    count, metrics = DATA_SETS[kind]
    init_default_scope('mmpose')
    images = root / 'test/images'
    dataset = DATASETS.build(dict(
        type=kind, ann_file=str(write_theirs(tmp_path, kind, count, images)), test_mode=True,
        data_prefix=dict(img=str(images)), pipeline=[
            dict(type='hourglass.LoadImage'), dict(type='GetBBoxCenterScale'),
            dict(type='hourglass.CropImage', input_size=(32, 32)), dict(type='PackPoseInputs')]))
    rng, samples = np.random.default_rng(1), []
    for sample in (dataset[i]['data_samples'].to_dict() for i in range(len(dataset))):
        keypoints = sample['gt_instances']['keypoints']
        samples.append(sample | dict(pred_instances=dict(
            keypoints=keypoints + rng.normal(0, 1.5, keypoints.shape),
            keypoint_scores=np.ones(keypoints.shape[:2]))))
    names = list(dataset.metainfo['keypoint_name2id'])
    each = {name: [name] for name in names}

    def scores(**config: object) -> dict[str, float]:
        metric = METRICS.build(config)
        metric.dataset_meta = dataset.metainfo
        metric.process([], samples)
        return metric.evaluate(len(samples))

    ours = scores(type='hourglass.PCK', groups=each, threshold=0.03, unit='bbox')
    theirs = scores(type='PCKAccuracy', thr=0.03)['PCK']
    assert 0.2 < theirs < 0.8
    assert np.mean([ours[f'pck/{name}'] for name in names]) == pytest.approx(100 * theirs)
    assert scores(type='hourglass.EPE', groups=each)['epe/Total'] == pytest.approx(
        scores(type='EPE')['EPE'])
    assert scores(type='hourglass.NME', groups=each, unit=names[:2])['nme/Total'] == pytest.approx(
        100 * scores(type='NME', norm_mode='keypoint_distance', keypoint_indices=[0, 1])['NME'])
    if 'CocoMetric' in metrics and kind != 'AP10KDataset':      # several categories
        theirs = scores(type='CocoMetric', nms_mode='none')['coco/AP']
        assert 0.1 < theirs < 0.95
        assert scores(type='hourglass.OksAP')['oks/AP'] == pytest.approx(100 * theirs)


def test_an_input_that_is_not_square_trains(run, root):
    [step], [scores] = run(PAGE, 'portrait.py', 'train_dataloader.dataset.indices=2')
    assert np.isfinite([step['loss_stage0'], step['loss_stage1']]).all()
    assert 0 <= scores['mpii/Total'] <= 100


@pytest.mark.parametrize(('channels', 'form'), [
    (1, 'grayscale'), pytest.param(4, 'unchanged', marks=pytest.mark.slow)])
def test_images_of_other_channels_train(run, root, tmp_path, channels, form):
    for split in ('train', 'test'):
        (tmp_path / 'data' / split / 'images').mkdir(parents=True)
        shutil.copy(root / split / 'annotations.json', tmp_path / 'data' / split)
        for path in (root / split / 'images').iterdir():
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            png = cv2.imencode('.png', cv2.cvtColor(image, cv2.COLOR_BGR2BGRA))[1]
            (tmp_path / 'data' / split / 'images' / path.name).write_bytes(png)
    [step], [scores] = run(PAGE, 'grey.py', f'model.backbone.in_channels={channels}', *(
        f'{loader}_dataloader.dataset.{option}' for loader in ('train', 'val') for option in (
            f'data_root={tmp_path}/data', f'pipeline.0.color_type={form}')))
    assert np.isfinite([step['loss_stage0'], step['loss_stage1']]).all()
    assert 0 <= scores['mpii/Total'] <= 100
    stem = read_checkpoint(tmp_path / 'work/epoch_1.pth')['state_dict']['backbone.stem.0.weight']
    assert stem.shape[1] == channels


BACKENDS = {            # name -> the module that it imports, and what it calls with the numbers
    'TensorboardVisBackend': ('torch.utils.tensorboard', 'SummaryWriter.return_value.add_scalar'),
    'WandbVisBackend': ('wandb', 'log'),
    'MLflowVisBackend': ('mlflow', 'log_metrics')}


def test_their_hooks_clipping_and_logs_do_their_work(run, root, tmp_path, monkeypatch):
    """Two epochs of one step, of which the second is no better; stand-ins for the packages."""
    packages = {backend: MagicMock() for backend in BACKENDS}
    for backend, (name, _) in BACKENDS.items():
        monkeypatch.setitem(sys.modules, name, packages[backend])
    backends = [dict(type=backend) for backend in ('LocalVisBackend', *BACKENDS)]
    steps, scores = run(
        PAGE, 'hooks.py', 'train_cfg.max_epochs=4', 'custom_hooks.0.momentum=0.5',
        'custom_hooks.0.ema_type=ExponentialMovingAverage', 'custom_hooks.1.patience=1',
        'custom_hooks.1.min_delta=100', more=f'visualizer = dict(vis_backends={backends})\n')
    assert len(steps) == len(scores) == 2                       # of four epochs
    assert all(step['grad_norm'] > 0 for step in steps)
    for backend, (_, call) in BACKENDS.items():
        assert 'loss_stage1' in str(attrgetter(call)(packages[backend]).call_args_list)
    first, second = (read_checkpoint(tmp_path / f'work/epoch_{epoch}.pth') for epoch in (1, 2))
    average, before, weights = second['state_dict'], first['state_dict'], second['ema_state_dict']
    for name in ('backbone.stem.0.weight', 'backbone.heatmaps.1.bias'):
        torch.testing.assert_close(
            average[name], (before[name] + weights[f'module.{name}']) / 2)


def test_a_missing_backend_is_one_line(run, root, monkeypatch):
    monkeypatch.setitem(sys.modules, 'wandb', None)
    with pytest.raises(SystemExit, match='^error: Please run "pip install wandb"'):
        run(PAGE, 'hooks.py', 'visualizer.vis_backends.1.type=WandbVisBackend')
