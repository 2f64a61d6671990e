"""An estimator cut after a stage predicts what the whole one predicts there."""
import numpy as np
import pytest

from hourglass.apis import init_model, predict
from hourglass.errors import ConfigError
from hourglass.inference.stages import until_stage


@pytest.fixture(scope='module')
def model():
    return init_model('flic-small4', device='cpu')


def test_the_cut_network_predicts_as_the_whole_one_does_there(model, synthetic):
    image = min((synthetic / 'synthetic/test/images').iterdir())
    every = predict(model, image, stages=True)
    for stage in range(4):
        cut = until_stage(model, stage)
        assert len(cut.backbone.hourglasses) == stage + 1
        assert predict(cut, image).keypoints == pytest.approx(
            every.stage_keypoints[:, stage], abs=1e-3)
    assert len(model.backbone.hourglasses) == 4
    assert np.array_equal(predict(model, image).keypoints, every.keypoints)


def test_other_stages_are_refused(model):
    with pytest.raises(ConfigError, match='stage 4: the network has 4'):
        until_stage(model, 4)
