"""A trained network from a name, a config and a checkpoint."""
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from mmpose.apis.inference import dataset_meta_from_config
from mmpose.models.pose_estimators import TopdownPoseEstimator

from hourglass.checkpoints import read_checkpoint, refuse_another_network, state_dict
from hourglass.checkpoints.names import find_config, find_weights, weights_by_name
from hourglass.deploy.optimize import optimized
from hourglass.errors import ConfigError


def init_model(config: str | Path | Config, weights: str | Path | None = None,
               device: str | None = None, optimize: str = 'none', stage: int | None = None,
               exit_tolerance: float | None = None) -> TopdownPoseEstimator:
    """A trained network, ready for :func:`predict` and for mmpose's ``inference_topdown``.

    Args:
        config: the name of a network that comes with its weights (``'flic-small'``), the name of
            any other in the model index, a config file, or a config.
        weights: a checkpoint file, or a name. Default: those of the network's name, or what the
            config says in ``load_from``.
        device: as for ``torch.device``; default the accelerator that is there, else the CPU.
        optimize: what runs the network, a name out of :data:`hourglass.deploy.runtimes.RUNTIMES`;
            ``'auto'`` measures which is the fastest here.
        stage: the only one that is wanted, 0 the first; nothing behind it is computed, in any
            prediction. Default: all can be asked for, and the last is.
        exit_tolerance: let people leave the network early, see
            :class:`hourglass.deploy.early_exit.EarlyExit`; goes with ``optimize`` and one stage.

    Returns:
        mmpose's estimator in eval mode, with its config as ``cfg`` and what it knows of the
        keypoints as ``dataset_meta``.

    Raises:
        ConfigError: if there is no such config, no weights are named, or the network cannot be
            run as asked.
        CheckpointError: if there are no such weights, or they are of another network.
    """
    if not isinstance(config, Config):
        if weights is None and str(config) in weights_by_name():
            weights = str(config)
        config = Config.fromfile(find_config(config))
    weights = weights or config.get('load_from')
    if weights is None:
        raise ConfigError(f'{config.filename}: comes without weights; name a checkpoint, or take '
                          f"one of {', '.join(weights_by_name())}")
    init_default_scope(config.get('default_scope', 'mmpose'))
    model = revert_sync_batchnorm(MODELS.build(config.model))
    path = find_weights(weights)
    checkpoint = read_checkpoint(path)
    tensors = state_dict(checkpoint, path)
    refuse_another_network(model.state_dict(), tensors, path)
    model.load_state_dict({name.removeprefix('module.'): t for name, t in tensors.items()})
    model.cfg = config
    model.dataset_meta = _keypoints_known(checkpoint, config)
    model = model.to(device or get_device(), memory_format=torch.channels_last)
    model.eval()
    if optimize == 'none' and stage is None and exit_tolerance is None:
        return model
    return optimized(model, optimize, stage, exit_tolerance)


def _keypoints_known(checkpoint: dict, config: Config) -> dict:
    """mmpose's ``dataset_meta``: of the data it was trained on, else of those it is tested on."""
    meta = (checkpoint.get('meta') or {}).get('dataset_meta')
    meta = meta or dataset_meta_from_config(config, dataset_mode='test')
    count = config.model.backbone.get('num_keypoints') or config.model.head.get('num_keypoints')
    if meta is None or meta['num_keypoints'] != count:
        raise ConfigError(
            f"{config.filename}: the network has {count} keypoints and test_dataloader's data set "
            f"{meta and meta['num_keypoints']}; name a data set with as many")
    return meta
