"""What programs import: a trained network, and the keypoints it finds."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hourglass.apis.batches import BatchPredictor
from hourglass.deploy.runtimes import optimized
from hourglass.inference.detectors import find_detector
from hourglass.inference.model import load_model
from hourglass.inference.network import PoseNetwork
from hourglass.inference.predict import Poses, predict
from hourglass.inference.tracking import Tracker

if TYPE_CHECKING:
    import torch
    from mmengine.config import Config

__all__ = ['BatchPredictor', 'PoseNetwork', 'Poses', 'Tracker', 'find_detector', 'init_model',
           'predict']


def init_model(config: str | Path | Config, weights: str | Path | None = None,
               device: str | torch.device | None = None, optimize: str = 'none',
               stage: int | None = None, exit_tolerance: float | None = None) -> PoseNetwork:
    """Load a trained network for :func:`predict`; its ``estimator()`` is for mmpose's functions.

    Args:
        config, weights, device: as for :func:`hourglass.inference.model.load_model`.
        optimize: the runtime, a name out of :data:`hourglass.deploy.runtimes.RUNTIMES`; ``'auto'``
            measures which is the fastest here.
        stage: the only one that is wanted, 0 the first; nothing after it is computed, in any
            prediction. Default: all can be asked for, and the last predicts.
        exit_tolerance: let each person leave the network early, see
            :class:`hourglass.deploy.early_exit.EarlyExit`; goes with ``optimize`` and one stage.

    Returns:
        All that is done with the pixels of a crop, as one module.

    Raises:
        ConfigError, CheckpointError: as for ``load_model``, or if the network cannot be run as
            asked.
    """
    model = load_model(config, weights, device)
    if optimize == 'none' and stage is None and exit_tolerance is None:
        return model
    return optimized(model, optimize, stage, exit_tolerance)
