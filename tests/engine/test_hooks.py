"""Hooks: fine-tuning patterns, the bar on a terminal, overlays where they belong."""
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

from hourglass.datasets import skeletons
from hourglass.datasets.mpii.dataset import MpiiDataset
from hourglass.engine.hooks import (
    ChannelsLastHook,
    MatchingCheckpointHook,
    OverlayHook,
    ProgressBarHook,
)
from hourglass.errors import CheckpointError


def runner_with(model) -> SimpleNamespace:
    return SimpleNamespace(model=model, _load_from='some.pth', work_dir='work')


def test_only_matching_checkpoints_pass():
    model = torch.nn.Linear(2, 3)
    hook, runner = MatchingCheckpointHook(), runner_with(model)
    hook.after_load_checkpoint(runner, {'state_dict': model.state_dict()})
    hook.after_load_checkpoint(runner, {'module.' + k: v for k, v in model.state_dict().items()})
    other = torch.nn.Linear(2, 4).state_dict()
    with pytest.raises(CheckpointError, match=r"some\.pth.* 2 tensors do not fit, first 'weight' "
                                              r'\(\(4, 2\) there, \(3, 2\) in the'):
        hook.after_load_checkpoint(runner, {'state_dict': other})
    with pytest.raises(CheckpointError, match="'bias' \\(missing"):
        hook.after_load_checkpoint(runner, {'weight': model.weight})
    more = model.state_dict() | {'second.weight': torch.zeros(3)}
    with pytest.raises(CheckpointError, match=r"'second.weight' \(\(3,\) there, none in the"):
        hook.after_load_checkpoint(runner, {'state_dict': more})
    MatchingCheckpointHook(may_differ=['b*']).after_load_checkpoint(
        runner, {'weight': model.weight})


def test_channels_last_changes_the_memory_and_not_the_numbers():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 4, 1))
    images = torch.rand(2, 3, 9, 9)
    before = model(images)
    ChannelsLastHook().before_run(SimpleNamespace(model=model))
    after = model(images)
    assert after.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(before, after, atol=1e-6)


def test_the_bar_shows_loss_accuracy_and_remaining_time_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
    logger = logging.getLogger('bar')
    logger.addHandler(logging.StreamHandler(sys.stdout))
    runner = SimpleNamespace(rank=0, max_iters=4, iter=1, epoch=0, max_epochs=2, logger=logger)
    hook = ProgressBarHook()
    hook.before_train(runner)
    hook.bar.mininterval = 0
    for _ in range(2):
        hook.after_train_iter(runner, 0, outputs=dict(
            loss=torch.tensor(0.5), acc_stage0=torch.tensor(0.1), acc_stage10=torch.tensor(0.75)))
    logger.warning('a line of the log')
    hook.after_train(runner)
    shown = capsys.readouterr()
    assert 'epoch 1/2' in shown.err
    assert 'loss 0.5  acc 0.75' in shown.err
    assert '3/4 [' in shown.err
    assert '<' in shown.err.split('3/4 [')[1]               # elapsed<remaining
    assert 'a line of the log' in shown.out


def test_no_bar_elsewhere(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: False)
    hook = ProgressBarHook()
    hook.before_train(SimpleNamespace(rank=0))
    hook.after_train_iter(None, 0, outputs={})
    hook.after_train(None)
    assert capsys.readouterr().err == ''


def test_overlays_are_drawn_on_the_person(tmp_path):
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
                raw_ann_info=dict(keypoints_image=np.full((16, 2), np.nan))))
            sample.pred_instances = InstanceData(keypoints=keypoints[None])
            outputs.append(sample)
        hook.after_test_iter(runner, 0, outputs=outputs)
    written = sorted((tmp_path / 'overlays').iterdir())
    assert [path.name for path in written] == ['000000_a.png', '000002_a.png']
    drawn = cv2.imread(str(written[0]))
    for x, y in keypoints.round().astype(int):
        assert (drawn[y, x] != 30).any()
    assert (drawn == 30).mean() > 0.7                       # and not all over
