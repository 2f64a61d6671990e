"""The progress bar on a terminal, and overlays on the people they belong to."""
import logging
import sys
from pathlib import Path
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


@pytest.fixture
def overlays(tmp_path):
    """The names of the overlays that a hook draws of batches of samples."""
    metainfo = MpiiDataset._load_metainfo(skeletons.MPII)
    runner = SimpleNamespace(test_evaluator=SimpleNamespace(dataset_meta=metainfo))
    Visualizer.get_instance('test')         # mmpose's base class asks for one

    def draw(*batches: list[PoseDataSample], interval: int = 1) -> list[str]:
        hook = OverlayHook(enable=True, interval=interval, out_dir=str(tmp_path / 'overlays'))
        hook.before_run(runner)
        for batch in batches:
            hook.after_test_iter(runner, batch_idx=0, outputs=batch)
        return sorted(path.name for path in (tmp_path / 'overlays').iterdir())
    return draw


CORNER, NOTHING = np.ones((16, 2)), dict(keypoints_image=np.full((16, 2), np.nan))


def predicted(number: int, path: Path, keypoints: np.ndarray = CORNER,
              annotation: dict = NOTHING) -> PoseDataSample:
    sample = PoseDataSample(metainfo=dict(
        id=number, img_path=str(path), raw_ann_info=annotation))
    sample.gt_instances = InstanceData(
        keypoints=np.zeros((1, 16, 2)), keypoints_visible=np.zeros((1, 16)),
        bboxes=np.zeros((1, 4)))
    sample.pred_instances = InstanceData(keypoints=keypoints[None])
    return sample


@pytest.mark.parametrize('annotation', [NOTHING, dict(keypoints=[0] * 48)],
                         ids=['ours', "mmpose's"])
def test_overlays_are_drawn_on_the_person(tmp_path, overlays, annotation):
    image = np.full((200, 300, 3), 30, np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    keypoints = np.random.default_rng(0).uniform((20, 20), (280, 180), (16, 2))
    samples = [predicted(number, tmp_path / 'a.png', keypoints, annotation) for number in range(4)]
    assert overlays(samples[:2], samples[2:], interval=2) == ['000000_a.png', '000002_a.png']
    drawn = cv2.imread(str(tmp_path / 'overlays/000000_a.png'))
    for x, y in keypoints.round().astype(int):
        assert (drawn[y, x] != 30).any()
    assert (drawn == 30).mean() > 0.7                       # and not all over


def test_overlays_of_images_that_cannot_be_written_are_png(tmp_path, overlays):
    Image.new('RGB', (30, 20)).save(tmp_path / 'a.gif')
    assert overlays([predicted(0, tmp_path / 'a.gif')]) == ['000000_a.gif.png']


def test_overlays_of_two_data_sets_whose_images_have_one_name_are_two(tmp_path, overlays):
    samples = []
    for dataset in (7, 5, 7):
        path = tmp_path / str(dataset) / 'a.png'
        path.parent.mkdir(exist_ok=True)
        Image.new('RGB', (30, 20)).save(path)
        samples.append(predicted(dataset * SAMPLE_IDS, path))
    assert overlays(samples) == ['000000_a.png', '2_000000_a.png']
