"""Calibrate weights by the test of a runner, and measure what their probabilities are worth."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from numpy import ndarray

from hourglass.checkpoints.convert import add_metadata
from hourglass.checkpoints.reading import read_checkpoint
from hourglass.datasets.base import own_name
from hourglass.engine.distributed import unwrapped
from hourglass.errors import ConfigError
from hourglass.evaluation.calibration import Calibration, Reliability, fit, fitted_images
from hourglass.evaluation.metrics import Scored
from hourglass.models.stages import num_stages, stage_index


@dataclass(frozen=True)
class Checked:
    """Reliability of P people's peaks and, for calibrated weights, of their probabilities."""

    people: int
    peaks: Reliability                  # as they are, cut to [0, 1]
    probabilities: Reliability | None


def checked(scored: Scored, calibration: Calibration | None) -> Checked:
    """Measure on the people that maps are not fitted to; on all of them without a calibration."""
    people = np.ones(len(scored.ids), bool) if calibration is None else ~fitted_images(
        scored.images)
    peaks, correct = scored.peaks[people], correctness(scored)[people]
    probabilities = None
    if calibration is not None:
        probabilities = Reliability.of(calibration.probabilities(peaks, scored.joints), correct)
    return Checked(
        int(people.sum()), Reliability.of(np.clip(peaks, 0, 1), correct), probabilities)


def correctness(scored: Scored) -> ndarray:
    """Return (P, K) 1 where a keypoint is correct, 0 where it is not, NaN where not annotated."""
    distances = scored.distances[0]
    return np.where(np.isnan(distances), np.nan, distances <= scored.protocol.threshold)


def calibrate(runner: Runner, source: str, out: str | Path) -> None:
    """Fit a calibration to half of the images of a runner's last test, and store it with weights.

    It is logged how good the probabilities of the other half are.

    Args:
        source: the checkpoint that was tested.
        out: where to write it with the calibration: a file of the same kind, or the same file.

    Raises:
        ConfigError: unless the first metric measured keypoints, of two images or more.
        DataError: if ``out`` cannot be written.
    """
    scored = getattr(runner.test_evaluator.metrics[0], 'scored', None)
    if not is_main_process():
        return
    if scored is None or not scored.of_keypoints:
        raise ConfigError('--calibrate: the first of test_evaluator has to be a metric of '
                          'hourglass that measures keypoints')
    fitted, correct = fitted_images(scored.images), correctness(scored)
    if any(np.isnan(correct[half]).all() for half in (fitted, ~fitted)):
        raise ConfigError('--calibrate: annotated keypoints on two images or more needed, to fit '
                          'to some and measure on the others')
    model = unwrapped(runner.model)
    calibration = Calibration(
        correct=f'{scored.protocol.title} on {own_name(runner.test_dataloader.dataset)}',
        people=int(fitted.sum()),
        stage=stage_index(getattr(model.head, 'predict_stage', -1), num_stages(model)),
        flip=bool((model.test_cfg or {}).get('flip_test', False)),
        maps=fit(scored.peaks[fitted], correct[fitted], scored.joints))
    add_metadata(source, out, calibration.metadata())
    found = checked(scored, calibration)
    assert found.probabilities is not None              # there is a calibration
    MMLogger.get_current_instance().info(
        f'calibrated on {calibration.people} people; expected calibration error of the other '
        f'{found.people}: {found.probabilities.error:.4f} ({found.peaks.error:.4f} of the peaks as '
        f'they are); written to {out}')


def calibration_in(checkpoint: str | None) -> Calibration | None:
    """Return the calibration of a checkpoint file; None if it has none or is no file."""
    if not checkpoint or not Path(checkpoint).is_file():
        return None
    return Calibration.of(read_checkpoint(checkpoint).get('meta'), checkpoint)
