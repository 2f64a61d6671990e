"""The face of the package: a network as it is, or run by something faster."""
import pytest

from hourglass import apis
from hourglass.apis import init_model, predict
from hourglass.errors import ConfigError


def test_names_are_those_of_the_rooms_behind():
    assert sorted(apis.__all__) == [
        'BatchPredictor', 'PoseNetwork', 'Poses', 'Tracker', 'find_detector', 'init_model',
        'predict']
    assert apis.Poses.__module__ == 'hourglass.inference.predict'
    with pytest.raises(AttributeError, match="no attribute 'predictt'"):
        _ = apis.predictt


def test_a_fused_network_of_one_stage_finds_the_same(synthetic):
    image = min((synthetic / 'synthetic/test/images').iterdir())
    plain = init_model('flic-small', device='cpu')
    fused = init_model('flic-small', device='cpu', optimize='fuse', stage=0)
    assert predict(fused, image, whole_image=True).keypoints == pytest.approx(
        predict(plain, image, whole_image=True, stage=0).keypoints, abs=2e-3)
    with pytest.raises(ConfigError, match='optimised for stage 0 alone'):
        predict(fused, image, whole_image=True, stage=1)
