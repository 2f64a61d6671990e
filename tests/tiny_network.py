"""A tiny network with random weights, as the files that the tools take."""
from pathlib import Path

import numpy as np
import torch
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from hourglass.datasets.synthetic import render_person


def write_tiny_network(folder: Path, residual: str = 'bottleneck', stacks: int = 2
                       ) -> tuple[Path, Path]:
    """A config of two stacks, or more, at 64x64 with 16 keypoints, normalised pixels and parabola
    decoding; and a checkpoint of it."""
    config, checkpoint = folder / 'tiny.py', folder / 'tiny.pth'
    config.write_text(f"""\
_base_ = ['{REPOSITORY}/configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py']
codec = dict(_base_.codec, input_size=(64, 64), heatmap_size=(16, 16))
resized = dict(input_size=(64, 64), encoder=codec)
train_dataloader = dict(dataset=dict(pipeline=[
    dict(step, **{{key: value for key, value in resized.items() if key in step}})
    for step in _base_.train_pipeline]))
del resized
model = dict(
    data_preprocessor=dict(mean=[120, 110, 100], std=[50, 60, 70]),
    backbone=dict(num_stacks={stacks}, channels=8, depth=1, stem_channels=(4, 8, 8),
                  heatmap_std=None, residual='{residual}'),
    head=dict(decoder=codec))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=[
    dict(type='hourglass.LoadImage'), dict(type='GetBBoxCenterScale', padding=1.25),
    dict(type='TopdownAffine', input_size=(64, 64)), dict(type='PackPoseInputs')]))
""")
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    _give_peaks(model.backbone)
    torch.save({'state_dict': model.state_dict()}, checkpoint)
    return config, checkpoint


@torch.no_grad()
def _give_peaks(network: torch.nn.Module) -> None:
    """Maps of a mean of 0 that differ from place to place.

    Those of random weights are flat up to their rounding, which then decides where a keypoint is.
    """
    people = np.stack([render_person(seed, (64, 64))[0] for seed in range(4)])
    images = (torch.from_numpy(people).permute(0, 3, 1, 2) - 110) / 60
    network.train()
    for _ in range(20):                                 # moving averages reach what they average
        network(images)
    network.eval()
    for stage, heatmaps in enumerate(network.heatmaps):
        heatmaps.bias -= network(images)[stage].mean((0, 2, 3))


@torch.no_grad()
def as_if_trained(network: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Random statistics and scales, some below 0 and one of each layer 0, in eval mode."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.uniform_(-0.5, 1.5)[0] = 0
            module.bias.normal_(std=0.3)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network.eval()
