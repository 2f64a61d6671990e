"""Points and pixels go through one matrix; augmentations are drawn as their sources say."""
import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmpose.registry import TRANSFORMS

from hourglass.datasets.transforms import (
    BoxToCrop,
    LuaColour,
    LuaScaleRotation,
    PaperScaleRotation,
)

AUGMENTATIONS = ['hourglass.PaperScaleRotation', 'hourglass.LuaScaleRotation']


@pytest.fixture(autouse=True)
def _seed():
    init_default_scope('mmpose')
    np.random.seed(0)


def dot_picture(x: float, y: float) -> np.ndarray:
    """A round spot of 3 px deviation around (x, y), 0-based px, on black."""
    columns, rows = np.meshgrid(np.arange(320), np.arange(240))
    spot = np.exp(-((columns - x)**2 + (rows - y)**2) / (2 * 3.0**2))
    return np.repeat(np.rint(255 * spot).astype(np.uint8)[..., None], 3, 2)


@pytest.mark.parametrize('augmentation', AUGMENTATIONS)
def test_a_dot_is_found_where_its_keypoint_goes(augmentation):
    steps = [TRANSFORMS.build(config) for config in (
        dict(type='RandomFlip', prob=0.5, direction='horizontal'), dict(type=augmentation),
        dict(type='TopdownAffine', input_size=(256, 256)))]
    errors, flips = [], 0
    for _ in range(60):
        x, y = np.random.uniform((100, 60), (220, 180))
        data = dict(
            img=dot_picture(x, y), img_shape=(240, 320), flip_indices=[0],
            bbox_center=np.array([[160.0, 118.0]], np.float32),
            bbox_scale=np.array([[230.0, 230.0]], np.float32),
            keypoints=np.array([[[x, y]]], np.float32), keypoints_visible=np.ones((1, 1)))
        for step in steps:
            data = step(data)
        flips += data['flip']
        brightness = data['img'][..., 0].astype(float)
        rows, columns = np.mgrid[:256, :256]
        found = np.array([(columns * brightness).sum(), (rows * brightness).sum()])
        errors.append(found / brightness.sum() - data['transformed_keypoints'][0, 0])
    assert np.abs(errors).max() < 0.5
    assert np.abs(np.mean(errors, 0)).max() < 0.05        # and no systematic shift
    assert 10 < flips < 50


def test_the_papers_ranges():
    draws = np.array([PaperScaleRotation().sample() for _ in range(4000)])
    assert 0.75 <= draws[:, 0].min() < 0.76
    assert 1.24 < draws[:, 0].max() <= 1.25
    assert -30 <= draws[:, 1].min() < -29
    assert 29 < draws[:, 1].max() <= 30


def test_luas_distributions():
    scale, degrees = np.array([LuaScaleRotation().sample() for _ in range(4000)]).T
    assert np.abs(np.log2(scale)).max() == pytest.approx(0.5)       # clipped at two deviations
    assert np.std(np.log2(scale)) == pytest.approx(0.24, abs=0.01)  # 0.25, a little less by that
    assert np.mean(degrees == 0) == pytest.approx(0.6, abs=0.03)
    assert np.abs(degrees).max() == 60


def test_colour_factors_are_per_channel_and_clamped():
    picture = np.full((2, 2, 3), 100, np.uint8)
    seen = np.array([LuaColour().transform(dict(img=picture))['img'][0, 0] for _ in range(500)])
    assert seen.min() in (60, 61)
    assert seen.max() in (139, 140)
    assert np.corrcoef(seen[:, 0].astype(float), seen[:, 1])[0, 1] < 0.2
    bright = LuaColour(2, 2).transform(dict(img=np.full((1, 1, 3), 200, np.uint8)))['img']
    assert bright.max() == bright.min() == 255


def test_a_box_becomes_a_crop_where_no_data_set_gave_one():
    picture = np.zeros((100, 200, 3), np.uint8)
    box = np.array([[20.0, 10, 60, 90]], np.float32)
    made = BoxToCrop().transform(dict(img=picture, bbox=box))
    assert made['bbox_center'].tolist() == [[39.5, 49.5]]       # a box counts from the corner
    assert made['bbox_scale'].tolist() == [[100, 100]]          # 1.25 x its longer side
    whole = BoxToCrop().transform(dict(img=picture, bbox=np.array([[0.0, 0, 200, 100]])))
    assert whole['bbox_scale'].tolist() == [[200, 200]]         # no person's outline: not widened
    given = dict(img=picture, bbox=box, bbox_center=np.ones((1, 2)), bbox_scale=np.ones((1, 2)))
    assert BoxToCrop().transform(dict(given)) == given
