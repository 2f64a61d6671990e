"""The size of a config's network, from the shapes of its tensors alone."""
from __future__ import annotations

import copy
import math
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from mmpose.models.pose_estimators import TopdownPoseEstimator

from hourglass.checkpoints.configs import read_config
from hourglass.inference.openmmlab import pose_network
from hourglass.models.person_detector import CenterDetector
from hourglass.models.stages import num_stages

try:
    from torch.utils.flop_counter import FlopCounterMode
except ModuleNotFoundError:             # torch 2.0
    FlopCounterMode = None              # type: ignore[assignment,misc]


def size_of(config: str | Path | Config, stages: int | None = None) -> tuple[int, float]:
    """Count the parameters of a config's network and its multiply-adds (MACs) for one image.

    It is that of a top-down estimator, or of a detector, here for a square image. Only the first
    ``stages`` of an estimator run, by default all. Raises ``ConfigError`` if there are fewer. torch
    2.0 cannot count multiply-adds, which are NaN there.
    """
    cfg = config if isinstance(config, Config) else read_config(config)
    with torch.device('meta'):                          # shapes without numbers
        model = build_estimator(cfg)
        detects = isinstance(model, CenterDetector)
        network = model if detects else pose_network(model)
        if stages is not None:
            network = network.until_stage(stages - 1)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        if FlopCounterMode is None:
            return parameters, math.nan
        size = [cfg.model.longer_side] * 2 if detects else reversed(network.input_size)
        images = torch.empty(1, 3, *size)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(images) if detects else network.outputs(images)
    return parameters, counter.get_total_flops() / 2


def stages_of(cfg: Config) -> int:
    """Return how many stages the network of a config has."""
    with torch.device('meta'):
        return num_stages(build_estimator(cfg))


def build_estimator(cfg: Config) -> TopdownPoseEstimator:
    """Build an estimator with new weights, for one process, in eval mode; fetch no weights."""
    init_default_scope(cfg.get('default_scope') or 'mmpose')
    model = copy.deepcopy(cfg.model)
    if model.backbone.get('init_cfg'):
        model.backbone.init_cfg = None
    estimator = revert_sync_batchnorm(MODELS.build(model)).eval()
    estimator.cfg = cfg
    return estimator
