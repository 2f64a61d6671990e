"""Weights are calibrated by a test, and what their probabilities are worth is measured apart."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hourglass.analysis.calibrate import calibrate, calibration_in, checked, correctness
from hourglass.checkpoints.reading import read_checkpoint
from hourglass.errors import ConfigError
from hourglass.evaluation.calibration import Calibration, fit, fitted_images
from hourglass.evaluation.metrics import Scored
from hourglass.evaluation.protocols import FLIC, LSP

JOINTS = FLIC['torso'].scored


@pytest.fixture
def scored(rng) -> Scored:
    """Peaks of people, correct with a probability of half of the peak; a tenth not annotated."""
    peaks = rng.uniform(0, 1, (800, len(JOINTS)))
    distances = np.where(rng.random(peaks.shape) < peaks / 2, 0.1, 0.5)
    distances[rng.random(peaks.shape) < 0.1] = np.nan
    images = [f'{i // 2}.jpg' for i in range(800)]
    return Scored(FLIC['torso'], JOINTS, range(800), images, distances[None],
                  np.zeros(peaks.shape, bool), peaks)


def runner(scored: Scored) -> SimpleNamespace:
    """What is read of a runner after its test."""
    model = SimpleNamespace(
        head=SimpleNamespace(predict_stage=-1), test_cfg=dict(flip_test=True),
        backbone=SimpleNamespace(num_stacks=2))
    return SimpleNamespace(
        model=model, test_evaluator=SimpleNamespace(metrics=[SimpleNamespace(scored=scored)]),
        test_dataloader=SimpleNamespace(dataset=SimpleNamespace(
            metainfo=dict(dataset_name='flic'))))


def test_correct_is_within_the_protocols_threshold(scored):
    correct = correctness(scored)
    assert np.array_equal(np.isnan(correct), np.isnan(scored.distances[0]))
    assert np.array_equal(correct == 1, scored.distances[0] == 0.1)


@pytest.mark.parametrize('suffix', ['.safetensors', '.pth'])
def test_the_calibration_is_stored_with_the_weights(scored, suffix, monkeypatch, tmp_path):
    monkeypatch.setattr('hourglass.analysis.calibrate.num_stages', lambda model: 2)
    source, out = tmp_path / f'a{suffix}', tmp_path / f'b{suffix}'
    weights = dict(x=torch.arange(3).half())
    if suffix == '.pth':
        torch.save(dict(state_dict=weights, meta=dict(epoch=3)), source)
    else:
        from safetensors.torch import save_file
        save_file(weights, source, dict(epoch='3'))
    calibrate(runner(scored), str(source), out)
    content = read_checkpoint(out)
    assert torch.equal(content['state_dict']['x'], weights['x'])
    assert content['state_dict']['x'].dtype == torch.float16
    assert str(content['meta']['epoch']) == '3'
    assert calibration_in(str(source)) is None and calibration_in('http://x') is None
    found = calibration_in(str(out))
    assert (found.correct, found.stage, found.flip) == ('PCK@0.2 (torso) on flic', 1, True)
    assert found.people == fitted_images(scored.images).sum() == 400
    measured = checked(scored, found)
    assert measured.people == 400
    # 4,000 keypoints in ten bins: the share of 400 has a deviation of at most 0.025
    assert measured.probabilities.error < 0.025 < 0.2 < measured.peaks.error
    assert checked(scored, None).people == 800 and checked(scored, None).probabilities is None


def test_people_of_one_image_are_too_few(scored, tmp_path):
    scored.images = ['a.jpg'] * 800
    with pytest.raises(ConfigError, match='--calibrate: annotated keypoints on two images or more'):
        calibrate(runner(scored), 'a.pth', tmp_path / 'a.pth')
    other = Calibration('PCK@0.2', 9, stage=1, flip=True, maps=dict(any=[[0], [0.5]]))
    found = checked(scored, other)
    assert found.people == 0 and np.isnan(found.probabilities.error)


def test_limbs_have_no_peaks(scored, tmp_path):
    limbs = Scored(LSP['pcp'], JOINTS, scored.ids, scored.images, np.zeros((1, 800, 10)),
                   scored.occluded, scored.peaks)
    for metric in (limbs, None):
        with pytest.raises(ConfigError, match='first of test_evaluator has to be a metric of'):
            calibrate(runner(metric), 'a.pth', tmp_path / 'a.pth')


def test_maps_are_fitted_to_one_half_of_the_images_alone(scored, monkeypatch, tmp_path):
    monkeypatch.setattr('hourglass.analysis.calibrate.num_stages', lambda model: 2)
    half = fitted_images(scored.images)
    scored.distances[0][~half] = 0.5                    # the others are all wrong
    torch.save(dict(state_dict=dict(x=torch.ones(1)), meta={}), tmp_path / 'a.pth')
    calibrate(runner(scored), str(tmp_path / 'a.pth'), tmp_path / 'b.pth')
    assert calibration_in(str(tmp_path / 'b.pth')).maps == fit(
        scored.peaks[half], correctness(scored)[half], JOINTS)
