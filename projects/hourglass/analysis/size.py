"""The size of a config's network, from the shapes of its tensors alone."""
from __future__ import annotations

import copy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch.utils.flop_counter import FlopCounterMode

from hourglass.checkpoints.configs import read_config
from hourglass.inference.stages import until_stage
from hourglass.models.stages import num_stages


def size_of(config: str | Path | Config, stages: int | None = None) -> tuple[int, float]:
    """Count the parameters of a top-down estimator and its multiply-adds (MACs) for one image.

    Only the first ``stages`` run, by default all. Raises ``ConfigError`` if there are fewer.
    """
    cfg = config if isinstance(config, Config) else read_config(config)
    with torch.device('meta'):                          # shapes without numbers
        estimator = build_estimator(cfg)
        if stages is not None:
            estimator = until_stage(estimator, stages - 1)
        images = torch.empty(1, 3, *reversed(cfg.model.head.decoder.input_size))
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            estimator.head(estimator.backbone(images))
    return sum(p.numel() for p in estimator.parameters()), counter.get_total_flops() / 2


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
    return revert_sync_batchnorm(MODELS.build(model)).eval()
