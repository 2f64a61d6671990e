"""The progress bar on a terminal, and overlays on the people they belong to."""
import logging
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer
from mmpose.structures import PoseDataSample
from PIL import Image

from hourglass.datasets import skeletons
from hourglass.datasets.base import SAMPLE_IDS
from hourglass.datasets.mpii.dataset import MpiiDataset
from hourglass.engine.display import OverlayHook, ProgressBarHook


@pytest.mark.parametrize('epochs, described', [(2, 'epoch 1/2'), (1, 'training')])
def test_the_bar_shows_loss_accuracy_and_remaining_time_on_a_terminal(
        epochs, described, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
    logger = logging.getLogger('bar')
    logger.addHandler(logging.StreamHandler(sys.stdout))
    runner = SimpleNamespace(rank=0, max_iters=4, iter=1, epoch=0, max_epochs=epochs, logger=logger)
    hook = ProgressBarHook()
    hook.before_train(runner)
    hook.bar.mininterval = 0
    for _ in range(2):
        hook.after_train_iter(runner, batch_idx=0, outputs=dict(
            loss=torch.tensor(0.5), acc_stage0=torch.tensor(0.1), acc_stage10=torch.tensor(0.75)))
    logger.warning('a line of the log')
    hook.after_train(runner)
    shown = capsys.readouterr()
    assert f'{described}:' in shown.err
    assert ('epoch' in shown.err) == (epochs > 1)
    assert 'loss 0.5  acc 0.75' in shown.err
    assert '3/4 [' in shown.err
    assert '<' in shown.err.split('3/4 [')[1]               # elapsed<remaining
    assert 'a line of the log' in shown.out


def test_elsewhere_there_is_no_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: False)
    hook = ProgressBarHook()
    hook.before_train(SimpleNamespace(rank=0))
    hook.after_train_iter(None, batch_idx=0, outputs={})
    hook.after_train(None)
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize('annotation', [
    dict(keypoints_image=np.full((16, 2), np.nan)), dict(keypoints=[0] * 48)],
    ids=['ours', "mmpose's"])
def test_overlays_are_drawn_on_the_person(tmp_path, annotation):
    image = np.full((200, 300, 3), 30, np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    keypoints = np.random.default_rng(0).uniform((20, 20), (280, 180), (16, 2))
    metainfo = MpiiDataset._load_metainfo(skeletons.MPII)
    runner = SimpleNamespace(test_evaluator=SimpleNamespace(dataset_meta=metainfo))
    Visualizer.get_instance('test')         # mmpose's base class asks for one
    hook = OverlayHook(enable=True, interval=2, out_dir=str(tmp_path / 'overlays'))
    hook.before_run(runner)
    for batch in ([0, 1], [2, 3]):
        outputs = []
        for number in batch:
            sample = PoseDataSample(metainfo=dict(
                id=number, img_path=str(tmp_path / 'a.png'),
                raw_ann_info=annotation))
            sample.gt_instances = InstanceData(
                keypoints=np.zeros((1, 16, 2)), keypoints_visible=np.zeros((1, 16)),
                bboxes=np.zeros((1, 4)))
            sample.pred_instances = InstanceData(keypoints=keypoints[None])
            outputs.append(sample)
        hook.after_test_iter(runner, batch_idx=0, outputs=outputs)
    written = sorted((tmp_path / 'overlays').iterdir())
    assert [path.name for path in written] == ['000000_a.png', '000002_a.png']
    drawn = cv2.imread(str(written[0]))
    for x, y in keypoints.round().astype(int):
        assert (drawn[y, x] != 30).any()
    assert (drawn == 30).mean() > 0.7                       # and not all over


def test_overlays_of_images_that_cannot_be_written_are_png(tmp_path):
    Image.new('RGB', (30, 20)).save(tmp_path / 'a.gif')
    metainfo = MpiiDataset._load_metainfo(skeletons.MPII)
    runner = SimpleNamespace(test_evaluator=SimpleNamespace(dataset_meta=metainfo))
    Visualizer.get_instance('test')
    hook = OverlayHook(enable=True, interval=1, out_dir=str(tmp_path / 'overlays'))
    sample = PoseDataSample(metainfo=dict(id=0, img_path=str(tmp_path / 'a.gif'), raw_ann_info=dict(
        keypoints_image=np.full((16, 2), np.nan))))
    sample.pred_instances = InstanceData(keypoints=np.ones((1, 16, 2)))
    hook.after_test_iter(runner, batch_idx=0, outputs=[sample])
    assert [path.name for path in (tmp_path / 'overlays').iterdir()] == ['000000_a.gif.png']


def test_overlays_of_two_data_sets_whose_images_have_one_name_are_two(tmp_path):
    metainfo = MpiiDataset._load_metainfo(skeletons.MPII)
    runner = SimpleNamespace(test_evaluator=SimpleNamespace(dataset_meta=metainfo))
    Visualizer.get_instance('test')
    hook = OverlayHook(enable=True, interval=1, out_dir=str(tmp_path / 'overlays'))
    for dataset in (7, 5, 7):
        path = tmp_path / str(dataset) / 'a.png'
        path.parent.mkdir(exist_ok=True)
        Image.new('RGB', (30, 20)).save(path)
        sample = PoseDataSample(metainfo=dict(id=dataset * SAMPLE_IDS, img_path=str(path),
                                              raw_ann_info=dict(
            keypoints_image=np.full((16, 2), np.nan))))
        sample.pred_instances = InstanceData(keypoints=np.ones((1, 16, 2)))
        hook.after_test_iter(runner, batch_idx=0, outputs=[sample])
    assert sorted(path.name for path in (tmp_path / 'overlays').iterdir()) == [
        '000000_a.png', '2_000000_a.png']
