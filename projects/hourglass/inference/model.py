"""A trained network from a name, a config and a checkpoint."""
from __future__ import annotations

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmpose.apis.inference import dataset_meta_from_config
from mmpose.models.pose_estimators import TopdownPoseEstimator

from hourglass.checkpoints import read_checkpoint, refuse_another_network, state_dict
from hourglass.checkpoints.configs import read_config
from hourglass.checkpoints.names import find_config, find_weights, weights_by_name
from hourglass.errors import ConfigError
from hourglass.evaluation.calibration import Calibration
from hourglass.registry import MODELS


@MODELS.register_module(name='TrainedModel')
def load_model(config: str | Path | Config, weights: str | Path | None = None,
               device: str | None = None) -> TopdownPoseEstimator:
    """Load a trained network: mmpose's estimator in eval mode, with ``cfg`` and ``dataset_meta``.

    Args:
        config: the name of a network whose weights come with the package (``'flic-small'``), the
            name of any other in the model index, a config file, or a config.
        weights: a checkpoint file, or a name. Default: those of the network's name, or the
            ``load_from`` of the config.
        device: as for ``torch.device``; default the accelerator if there is one, else the CPU.

    Raises:
        ConfigError: if there is no such config, or no weights are named.
        CheckpointError: if there are no such weights, or they are of another network.
    """
    if not isinstance(config, Config):
        if weights is None and str(config) in weights_by_name():
            weights = str(config)
        config = read_config(find_config(config))
    weights = weights or config.get('load_from')
    if weights is None:
        raise ConfigError(f'{config.filename}: comes without weights; name a checkpoint, or take '
                          f"one of {', '.join(weights_by_name())}")
    init_default_scope(config.get('default_scope', 'mmpose'))
    model, path = revert_sync_batchnorm(MODELS.build(config.model)), find_weights(weights)
    checkpoint = read_checkpoint(path)
    tensors = state_dict(checkpoint, path)
    refuse_another_network(model.state_dict(), tensors, path)
    model.load_state_dict({name.removeprefix('module.'): t for name, t in tensors.items()})
    model.cfg, model.calibration = config, Calibration.of(checkpoint.get('meta'), path)
    meta = (checkpoint.get('meta') or {}).get('dataset_meta')       # of the training data
    meta = meta or dataset_meta_from_config(config, dataset_mode='test')
    count = config.model.backbone.get('num_keypoints') or config.model.head.get('num_keypoints')
    if meta is None or meta['num_keypoints'] != count:
        raise ConfigError(
            f"{config.filename}: the network has {count} keypoints and test_dataloader's data set "
            f"{meta and meta['num_keypoints']}; set one with as many keypoints")
    model.dataset_meta = meta
    return model.to(device or get_device(), memory_format=torch.channels_last).eval()
