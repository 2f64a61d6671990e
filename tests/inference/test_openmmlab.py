"""Estimators of mmpose as one module: it finds what mmpose's own functions find."""
import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmpose.apis import inference_topdown

from hourglass.apis import init_model, predict
from hourglass.errors import ConfigError
from hourglass.inference.openmmlab import load_estimator, pose_network, with_network

CONFIG = """
default_scope = 'mmpose'
codec = dict(type={codec!r}, input_size=(48, 64), heatmap_size=(12, 16), sigma=2)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[120, 110, 100], std=[50, 60, 70],
                           bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18), head=dict(
        type='HeatmapHead', in_channels=512, out_channels=17, deconv_out_channels=(8, 8, 8),
        deconv_kernel_sizes=(4, 4, 4), loss=dict(type='KeypointMSELoss'), decoder=codec),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap={shift}))
test_dataloader = dict(dataset=dict(type='CocoDataset', pipeline=[
    dict(type='LoadImage'), dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=(48, 64), use_udp={udp}), dict(type='PackPoseInputs')]))
"""


def write(folder, codec: str, shift: bool, udp: bool) -> tuple[str, str]:
    """A network of mmpose with random weights."""
    config, weights = folder / 'theirs.py', folder / 'theirs.pth'
    config.write_text(CONFIG.format(codec=codec, shift=shift, udp=udp))
    init_default_scope('mmpose')
    torch.manual_seed(0)
    torch.save(MODELS.build(Config.fromfile(config).model).state_dict(), weights)
    return str(config), str(weights)


@pytest.mark.parametrize(('codec', 'shift', 'udp'), [
    ('MSRAHeatmap', False, False), ('MSRAHeatmap', True, False), ('UDPHeatmap', False, True)])
def test_other_heatmap_networks_predict_as_in_mmpose(
        codec, shift, udp, image, tmp_path, monkeypatch):
    """Their heatmaps are equal up to float32, and so are the keypoints of equal heatmaps.

    Those of random weights are so flat that UDP's decoder moves a keypoint by up to 3 px with the
    last bit of a heatmap.
    """
    model = init_model(*write(tmp_path, codec, shift, udp), device='cpu')
    decoder, theirs = model.estimator().head.decoder, []
    decode = decoder.decode

    def decode_theirs(heatmaps: np.ndarray) -> tuple:
        theirs.append(heatmaps)
        assert heatmaps == pytest.approx(theirs[0], abs=1e-6)
        return decode(theirs[0].copy())
    monkeypatch.setattr(decoder, 'decode', decode_theirs)
    box = np.array([[20.0, 10, 70, 60]])
    for flip in (True, False):
        theirs.clear()
        model.estimator().test_cfg['flip_test'] = flip
        expected = inference_topdown(model.estimator(), image, box)[0].pred_instances
        found = predict(model, image, centers=[[45, 35]], scales=[50 * 1.25 / 200], flip=flip)
        assert found.keypoints[0] == pytest.approx(expected.keypoints[0], abs=1e-3)
        assert found.scores[0] == pytest.approx(expected.keypoint_scores[0], abs=1e-5)
    with pytest.raises(ConfigError, match='without a neck, and the model has a HeatmapHead'):
        with_network(model.estimator(), model)
    with pytest.raises(ConfigError, match="optimize='fuse': takes a StackedHourglass"):
        init_model(*map(str, (tmp_path / 'theirs.py', tmp_path / 'theirs.pth')), optimize='fuse')


@pytest.mark.parametrize('stage', [0, 1])
def test_a_head_of_ours_predicts_from_its_stage_behind_a_neck(stage):
    config = Config.fromfile(
        REPOSITORY / 'configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py')
    init_default_scope(config.default_scope)
    config.model.neck = dict(type='FeatureMapProcessor', scale_factor=1.0)
    config.model.head.predict_stage = stage
    config.model.backbone.heatmap_std = None
    torch.manual_seed(0)
    model = MODELS.build(config.model).eval()
    model.cfg, images = config, torch.rand(1, 3, 128, 128)
    found = pose_network(model)
    with torch.no_grad():
        expected = model.head.forward(model.extract_feat(images))[stage]
        assert torch.equal(found.until_stage().network(images)[-1], expected)


def test_colours_and_names_are_those_of_the_data_set(image, tmp_path):
    model = init_model(*write(tmp_path, 'MSRAHeatmap', False, False), device='cpu')
    assert model.description.keypoints[:2] == ['nose', 'left_eye']
    assert model.description.flip_indices[1] == 2
    assert model.dataset_meta['dataset_name'] == 'coco'
    assert predict(model, image, whole_image=True).keypoints.shape == (1, 17, 2)


def test_a_network_has_the_joints_that_the_data_set_is_converted_to():
    on_flic = REPOSITORY / 'configs/people/td-hm_hourglass2-small_people-flic-128x128.py'
    assert load_estimator(on_flic, 'people-small').dataset_meta['dataset_name'] == 'mpii'


def test_a_detectors_config_is_no_network_of_keypoints():
    config = REPOSITORY / 'configs/detection/centers_hourglass2-small_people-384x384.py'
    with pytest.raises(ConfigError, match='a CenterDetector, which finds no keypoints; give the'):
        load_estimator(config, 'people')
