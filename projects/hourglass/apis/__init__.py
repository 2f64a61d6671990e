"""What programs import: a trained network, and the keypoints it finds."""
from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmpose.models.pose_estimators import TopdownPoseEstimator

from hourglass.deploy.runtimes import optimized
from hourglass.inference.detectors import find_detector
from hourglass.inference.model import load_model
from hourglass.inference.predict import Poses, predict

__all__ = ['Poses', 'find_detector', 'init_model', 'predict']


def init_model(config: str | Path | Config, weights: str | Path | None = None,
               device: str | None = None, optimize: str = 'none', stage: int | None = None,
               exit_tolerance: float | None = None) -> TopdownPoseEstimator:
    """Load a trained network for :func:`predict` and for mmpose's ``inference_topdown``.

    Args:
        config, weights, device: as for :func:`hourglass.inference.model.load_model`.
        optimize: the runtime, a name out of :data:`hourglass.deploy.runtimes.RUNTIMES`; ``'auto'``
            measures which is the fastest here.
        stage: the only one that is wanted, 0 the first; nothing after it is computed, in any
            prediction. Default: all can be asked for, and the last predicts.
        exit_tolerance: let each person leave the network early, see
            :class:`hourglass.deploy.early_exit.EarlyExit`; goes with ``optimize`` and one stage.

    Returns:
        mmpose's estimator in eval mode, with its config as ``cfg`` and the description of its
        keypoints as ``dataset_meta``.

    Raises:
        ConfigError: if there is no such config, no weights are named, or the network cannot be
            run as asked.
        CheckpointError: if there are no such weights, or they are of another network.
    """
    model = load_model(config, weights, device)
    if optimize == 'none' and stage is None and exit_tolerance is None:
        return model
    return optimized(model, optimize, stage, exit_tolerance)
