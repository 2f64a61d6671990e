"""The codec: exact round trips at borders too, mirrored images, missing keypoints."""
import numpy as np
import pytest
import torch
from conftest import DATA, needs
from mmpose.datasets.transforms import TopdownAffine

from hourglass.codecs.hourglass_heatmap import HourglassHeatmap, draw_gaussians
from hourglass.datasets import skeletons
from hourglass.datasets.mpii.dataset import MpiiDataset
from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import ConfigError
from hourglass.evaluation import pck
from hourglass.evaluation.protocols import MPII


def codec(**changes) -> HourglassHeatmap:
    return HourglassHeatmap((256, 256), (64, 64), **changes)


def spread(count: int = 400) -> np.ndarray:
    """Keypoints (1, count, 2) all over the input, to the corners of the outermost pixels."""
    points = np.random.default_rng(0).uniform(-0.49, 255.49, (count, 2))
    points[:4] = [[-0.49, -0.49], [255.49, -0.49], [-0.49, 255.49], [255.49, 255.49]]
    return points[None]


@pytest.mark.parametrize(('options', 'px'), [
    ({'refine': 'parabola'}, 0.01),
    ({'refine': 'quarter'}, 2.0),           # at the border half a cell of 4 px, inside a quarter
    ({'refine': 'quarter', 'centers': 'cell'}, 2.0)])
@pytest.mark.parametrize('sigma', [1.0, 1.75])
def test_decoding_finds_the_keypoints_that_were_encoded(options, px, sigma):
    keypoints = spread()
    c = codec(sigma=sigma, **options)
    found, scores = c.decode(
        c.encode(keypoints, np.ones(keypoints.shape[:2]))['heatmaps'])
    error = found - keypoints
    assert np.abs(error).max() <= px + 1e-4
    assert np.abs(error.mean((0, 1))).max() < 0.15        # no systematic shift: 400 uniform points
    assert scores.min() > 0.7


def test_quarter_offset_inside_costs_a_pixel_at_most():
    keypoints = spread()
    inside = ((keypoints > 4) & (keypoints < 251)).all(-1)[0]
    c = codec()
    found, _ = c.decode(c.encode(keypoints, np.ones((1, 400)))['heatmaps'])
    assert np.abs(found - keypoints)[:, inside].max() <= 1 + 1e-4


@pytest.mark.parametrize('centers', ['subpixel', 'cell'])
def test_a_mirrored_image_has_mirrored_heatmaps(centers):
    keypoints = spread()
    mirrored = keypoints.copy()
    mirrored[..., 0] = 255 - mirrored[..., 0]
    c, visible = codec(centers=centers), np.ones((1, 400))
    straight, flipped = (c.encode(k, visible)['heatmaps'] for k in (keypoints, mirrored))
    assert np.abs(straight - flipped[..., ::-1]).max() < 1e-4


@pytest.mark.parametrize(('unannotated', 'weights'), [('zero', [1, 1, 1]), ('mask', [1, 0, 0])])
def test_missing_keypoints_have_empty_maps(unannotated, weights):
    keypoints = np.array([[[10.0, 20.0], [30.0, 40.0], [256.0, 40.0]]])     # the last is outside
    encoded = codec(unannotated=unannotated).encode(keypoints, np.array([[1, 0, 1]]))
    assert [h.max() > 0 for h in encoded['heatmaps']] == [True, False, False]
    assert encoded['keypoint_weights'].tolist() == [weights]


def test_batch_decoding_is_decoding_one_by_one():
    heatmaps = torch.rand(3, 5, 64, 64)
    keypoints, scores = codec().batch_decode(heatmaps)
    for i in range(3):
        alone, score = codec().decode(heatmaps[i].numpy())
        assert np.array_equal(keypoints[i], alone)
        assert np.array_equal(scores[i], score)


@pytest.mark.parametrize('wrong', [{'sigma': 0}, {'refine': 'half'}, {'centers': 'x'},
                                   {'unannotated': 'skip'}])
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        codec(**wrong)


@pytest.mark.slow
@needs(DATA / 'mpii/valid.h5')
@pytest.mark.data
@pytest.mark.parametrize(('options', 'at_005', 'at_01'), [
    ({'refine': 'parabola', 'sigma': 1.75}, 99.99, 99.99), ({'refine': 'quarter'}, 97, 99.9),
    ({'refine': 'quarter', 'centers': 'cell'}, 32, 98)])
def test_what_coding_costs_the_joints_of_mpii(options, at_005, at_01):
    """MPII's validation joints, through the real crop, heatmaps and back to the image."""
    dataset = MpiiDataset(data_root=str(DATA / 'mpii'), ann_file='valid.h5', lazy_init=True)
    people = dataset.read_people()
    crop, c = TopdownAffine(input_size=(256, 256)), codec(**options)
    truth = np.stack([person.keypoints_image for person in people])             # (P, 16, 2)
    found, shifts = np.full_like(truth, np.nan), []
    for index, person in enumerate(people):
        sample = dataset._sample(index, person) | dict(img=np.zeros((8, 8, 3), np.uint8))
        sample = crop.transform(sample)
        keypoints_input = sample['transformed_keypoints'][0]                    # (16, 2)
        inside = ((keypoints_input >= -0.5) & (keypoints_input < 255.5)).all(-1)
        encoded = c.encode(keypoints_input[None], sample['keypoints_visible'])
        decoded = c.decode(encoded['heatmaps'])[0][0]
        annotated = sample['keypoints_visible'][0] > 0
        truth[index, ~inside] = np.nan
        shifts.append((decoded - keypoints_input)[inside & annotated])
        # as mmpose's estimator goes back to the image
        found[index] = (decoded / 256 - 0.5) * sample['input_scale'] + sample['input_center']
    assert np.isfinite(truth).all(-1).sum() > 44000             # 0.5 % lie outside their crop
    distances = pck.normalised_distances(found, truth, np.array([p.pck_unit for p in people]))
    protocol = MPII['princeton']                                # all 16 joints
    total = protocol.rows(100 * pck.count(distances, protocol.thresholds),
                          (~np.isnan(distances)).sum(0), keypoint_names(skeletons.MPII))['Total']
    assert total[5] >= at_005 and total[10] >= at_01
    if options.get('centers') == 'cell':
        assert total[10] < 99                                   # the cost in the docstring
    assert np.abs(np.concatenate(shifts).mean(0)).max() < 0.05  # px of the input


MAP_SIZE = (12, 10)         # w, h


def places(step: float) -> np.ndarray:
    """Centres all over the map, to the very edge of the outermost cells."""
    x, y = (np.arange(-0.5 + step / 2, side - 0.5, step) for side in MAP_SIZE)
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def test_a_gaussian_has_its_peak_and_its_width():
    heatmap = draw_gaussians(np.array([[4.0, 3.0]]), MAP_SIZE, sigma=1.5)[0]
    assert heatmap.shape == (10, 12)
    assert heatmap[3, 4] == 1
    assert heatmap[3, 7] == pytest.approx(np.exp(-0.5 * (3 / 1.5)**2), rel=1e-6)
    assert heatmap[5, 5] == pytest.approx(np.exp(-0.5 * (1 + 4) / 1.5**2), rel=1e-6)


def test_all_gaussians_are_the_formula_and_infinity_is_empty():
    centres = places(step=1.7)
    columns, rows = np.meshgrid(np.arange(12), np.arange(10))
    distances = ((columns - centres[:, 0, None, None])**2 + (rows - centres[:, 1, None, None])**2)
    heatmaps = draw_gaussians(centres, MAP_SIZE, sigma=1.3)
    assert heatmaps.dtype == np.float32 and heatmaps.flags.c_contiguous
    # float32 centres: 1e-6 px, of a slope of at most 0.5 a px
    assert np.abs(heatmaps - np.exp(-distances / (2 * 1.3**2))).max() < 2e-6
    assert not draw_gaussians(np.full((3, 2), np.inf), MAP_SIZE, sigma=1.3).any()
