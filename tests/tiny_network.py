"""A tiny network with random weights, as the files that the tools take."""
from pathlib import Path

import torch
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope


def write_tiny_network(folder: Path) -> tuple[Path, Path]:
    """A config of two stacks at 64x64 with 16 keypoints, normalised pixels and parabola decoding;
    and a checkpoint of it."""
    config, checkpoint = folder / 'tiny.py', folder / 'tiny.pth'
    config.write_text(f"""\
_base_ = ['{REPOSITORY}/configs/demo/synthetic.py']
codec = dict(_base_.codec, input_size=(64, 64), heatmap_size=(16, 16))
model = dict(
    data_preprocessor=dict(mean=[120, 110, 100], std=[50, 60, 70]),
    backbone=dict(channels=8, depth=1, stem_channels=(4, 8, 8), heatmap_std=None),
    head=dict(decoder=codec))
test_dataloader = dict(dataset=dict(pipeline=[
    dict(type='hourglass.LoadPicture'), dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=(64, 64)), dict(type='PackPoseInputs')]))
""")
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, checkpoint)
    return config, checkpoint
