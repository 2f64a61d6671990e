"""Networks of OpenMMLab's configs; no other module here imports mmpose or mmengine."""
from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.models.heads import BaseHead
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.structures.bbox import get_udp_warp_matrix
from torch import Tensor, nn

from hourglass.checkpoints import read_checkpoint, refuse_another_network, state_dict
from hourglass.checkpoints.configs import read_config
from hourglass.checkpoints.description import Description
from hourglass.checkpoints.names import find_config, find_weights, weights_by_name
from hourglass.codecs.hourglass_heatmap import HourglassHeatmap
from hourglass.datasets.skeletons import SKELETONS, outline
from hourglass.errors import ConfigError
from hourglass.evaluation.calibration import Calibration
from hourglass.inference.network import PoseNetwork, decoder_of
from hourglass.models.head import StackedHeatmapHead
from hourglass.models.stages import shallow_copy
from hourglass.registry import MODELS


@MODELS.register_module(name='TrainedModel')
def load_estimator(config: str | Path | Config, weights: str | Path | None = None,
                   device: str | None = None) -> TopdownPoseEstimator:
    """Load a trained estimator of mmpose, in eval mode, with ``cfg`` and ``dataset_meta``.

    Arguments and errors are those of :func:`hourglass.inference.model.load_model`.
    """
    # imported late: it brings mmpose's inferencers, and mmdet's, which take seconds
    from mmpose.apis.inference import dataset_meta_from_config
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
    if not isinstance(model, TopdownPoseEstimator):
        raise ConfigError(f'{config.filename}: a {type(model).__name__}, which finds no keypoints; '
                          'give the config of a TopdownPoseEstimator')
    checkpoint = read_checkpoint(path)
    tensors = state_dict(checkpoint, path)
    refuse_another_network(model.state_dict(), tensors, path)
    model.load_state_dict({name.removeprefix('module.'): t for name, t in tensors.items()})
    notes = checkpoint.get('meta') or {}
    model.cfg, model.calibration = config, Calibration.of(notes, path)
    meta, described = notes.get('dataset_meta'), Description.of(notes, path)
    skeleton = (config.get('test_dataloader') or {}).get('dataset', {}).get('skeleton')
    with suppress(AssertionError):      # of a data set whose file alone names its keypoints
        meta = meta or (parse_pose_metainfo(SKELETONS[skeleton]) if skeleton in SKELETONS else
                        dataset_meta_from_config(config, dataset_mode='test'))
    if meta is None and described:
        meta = described.metainfo()
    count = config.model.backbone.get('num_keypoints') or config.model.head.get('num_keypoints')
    if meta is None or count not in (None, meta['num_keypoints']):
        raise ConfigError(
            f"{config.filename}: the network has {count} keypoints and test_dataloader's data set "
            f"{meta and meta['num_keypoints']}; set one with as many keypoints")
    model.dataset_meta = meta
    return model.to(device or get_device(), memory_format=torch.channels_last).eval()


def pose_network(model: TopdownPoseEstimator) -> PoseNetwork:
    """Return all that an estimator with ``cfg`` does with the pixels of its input, as one module.

    The weights are shared. Without ``dataset_meta`` the keypoints have no names, and there is no
    average with the mirrored image.
    """
    head, codec, options = model.head, model.head.decoder, model.test_cfg or {}
    pixels = model.cfg.model.get('data_preprocessor') or {}
    data = (model.cfg.get('test_dataloader') or {}).get('dataset', {})
    meta = getattr(model, 'dataset_meta', None)
    stacked = isinstance(head, StackedHeatmapHead) and not model.with_neck
    is_hourglass = isinstance(codec, HourglassHeatmap)
    description = Description(
        **(outline(meta) if meta else dict(keypoints=[], links=[], flip_indices=[])),
        input_size=codec.input_size, refine=codec.refine if is_hourglass else '',
        mean=pixels.get('mean') or [0], std=pixels.get('std') or [1],
        rgb=pixels.get('bgr_to_rgb', False) or pixels.get('rgb_to_bgr', False),
        stage=head.predict_stage if stacked else -1,
        flip=bool(meta) and options.get('flip_test', False),
        observer_sides=False if data.get('labels') == 'person' else None)
    network = PoseNetwork(
        model.backbone if stacked else MMPoseNetwork(model), description,
        to_heatmaps=head.to_heatmaps if stacked else None,
        decode=decoder_of(description, codec.heatmap_size) if is_hourglass else _Decode(head))
    network.to(next(model.parameters()).device)
    if meta:
        network.dataset_meta = dict(
            meta, observer_sides=network.dataset_meta['observer_sides'])
    network.calibration = getattr(model, 'calibration', None)
    network.make_estimator = lambda: model
    if any(step.get('use_udp') for step in data.get('pipeline', [])):
        network.make_matrix = get_udp_warp_matrix
    if not isinstance(head, StackedHeatmapHead):
        network.unmirror = partial(
            flip_heatmaps, flip_indices=network.description.flip_indices,
            flip_mode=options.get('flip_mode', 'heatmap'),
            shift_heatmap=options.get('shift_heatmap', False))
    return network


def with_network(model: TopdownPoseEstimator, faster: PoseNetwork) -> TopdownPoseEstimator:
    """Return an estimator that runs ``faster``, which is made of its :func:`pose_network`."""
    if not isinstance(model.head, StackedHeatmapHead) or model.with_neck:
        raise ConfigError('optimize: needs a StackedHeatmapHead without a neck, and the model has '
                          f"a {type(model.head).__name__}{' behind a neck' * model.with_neck}")
    model, head = shallow_copy(model), shallow_copy(model.head)
    head.to_heatmaps, head.predict_stage, head.stage_weights = faster.to_heatmaps, -1, None
    model.backbone, model.head = faster.network, head
    return model


class MMPoseNetwork(nn.Module):
    """Images -> the heatmaps of a head of mmpose, or behind a neck, as the output of one stage."""

    def __init__(self, model: TopdownPoseEstimator):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor]:
        heatmaps = self.model.head.forward(self.model.extract_feat(images))
        if not isinstance(heatmaps, Tensor):            # of several stages
            heatmaps = heatmaps[getattr(self.model.head, 'predict_stage', -1)]
        return (heatmaps,)


class _Decode(nn.Module):
    """The decoding of a head of mmpose: heatmaps (B, K, h, w) -> keypoints and scores."""

    def __init__(self, head: BaseHead):
        super().__init__()
        self.decode: Callable[[Tensor], list] = head.decode

    def forward(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        found = self.decode(heatmaps)
        return (torch.from_numpy(np.concatenate([one.keypoints for one in found])),
                torch.from_numpy(np.concatenate([one.keypoint_scores for one in found])))
