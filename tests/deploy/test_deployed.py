"""The modules around an exported network: decoding as the codec does, pixels, stages, mirror."""
import numpy as np
import pytest
import torch

from hourglass import StackedHourglass
from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.codecs.gaussian import draw_gaussians
from hourglass.codecs.hourglass_heatmap import HourglassHeatmap
from hourglass.deploy.deployed import Deployed
from hourglass.errors import ConfigError
from hourglass.models.stages import up_to_stage

SIZE = (12, 10)         # w, h of heatmaps


def maps() -> dict[str, np.ndarray]:
    """(M, 10, 12) heatmaps of every kind."""
    rng = np.random.default_rng(0)
    x, y = (np.arange(-0.4, side - 0.5, 0.23) for side in SIZE)
    everywhere = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)     # to the edge of every border
    noise = rng.normal(size=(500, 10, 12)).astype(np.float32)
    single = np.zeros((120, 120), np.float32)
    np.fill_diagonal(single, 1)                                     # each cell once
    return dict(
        gaussians=draw_gaussians(everywhere, SIZE, 1), wide=draw_gaussians(everywhere, SIZE, 2),
        uniform=rng.random((500, 10, 12)).astype(np.float32), noise=noise, below_zero=-abs(noise),
        levels=rng.integers(-1, 3, (500, 10, 12)).astype(np.float32),   # full of equal peaks
        flat=np.stack([np.full((10, 12), value, np.float32) for value in (-1, 0, 1)]),
        single=single.reshape(120, 10, 12))


@pytest.mark.parametrize('kind', maps())
@pytest.mark.parametrize('refine', ['quarter', 'parabola'])
@pytest.mark.parametrize('input_size', [(48, 40), (36, 50)])
def test_decoding_is_the_codecs(kind, refine, input_size):
    codec = HourglassHeatmap(input_size, SIZE, refine=refine)
    heatmaps = torch.from_numpy(maps()[kind])[None]
    expected, scores = codec.batch_decode(heatmaps)
    found, found_scores = DecodeHeatmaps(codec.input_px_per_cell, refine)(heatmaps)
    assert found.shape == (1, heatmaps.shape[1], 2)
    assert np.array_equal(found_scores.numpy(), scores[0])
    # The quarter is exact in float32; two libraries' logarithms differ in their last bit, by which
    # the top of an almost flat parabola moves further.
    limit = 1e-5 if refine == 'quarter' else 1e-3
    assert np.abs(found.numpy() - expected[0]).max() < limit


class Echo(torch.nn.Module):
    """Gives back what it sees, as the heatmaps of its only stage."""

    def forward(self, images):
        return (images,)


def test_pixels_are_turned_round_and_normalised():
    pixels = torch.arange(2 * 3 * 4).reshape(1, 3, 2, 4).to(torch.uint8)
    module = Deployed(Echo(), mean=[10, 20, 30], std=[1, 2, 4], rgb=True)
    blue, green, red = pixels[0].float()
    expected = torch.stack([red - 10, (green - 20) / 2, (blue - 30) / 4])[None]
    assert torch.equal(module(pixels), expected)
    assert torch.equal(module(pixels.float()), expected)
    as_it_is = Deployed(Echo(), mean=[0] * 3, std=[1] * 3, rgb=False)
    assert torch.equal(as_it_is(pixels), pixels.float())


def test_the_mirrored_answer_is_averaged_without_a_shift():
    pixels = torch.rand(2, 3, 4, 6)
    module = Deployed(Echo(), mean=[0] * 3, std=[1] * 3, rgb=False, flip_indices=[1, 0, 2])
    # an echo of the mirrored image, mirrored back, is the image with keypoints 0 and 1 swapped
    assert torch.allclose(module(pixels), (pixels + pixels[:, [1, 0, 2]]) / 2)


@pytest.fixture(scope='module')
def network() -> StackedHourglass:
    torch.manual_seed(0)
    return StackedHourglass(num_stacks=3, channels=8, num_keypoints=5, depth=1,
                            stem_channels=(4, 8, 8)).eval()


@pytest.mark.parametrize(('stage', 'stacks'), [(0, 1), (1, 2), (2, 3), (-1, 3), (-3, 1)])
@pytest.mark.parametrize('num_keypoints', [5, None])
def test_nothing_behind_the_stage_is_there(stage, stacks, num_keypoints):
    torch.manual_seed(0)
    network = StackedHourglass(num_stacks=3, channels=8, num_keypoints=num_keypoints, depth=1,
                               stem_channels=(4, 8, 8)).eval()
    images = torch.rand(1, 3, 32, 32)
    before = network(images)
    first, place = up_to_stage(network, stage)
    outputs = first(images)
    assert len(outputs) == stacks
    assert torch.equal(outputs[place], before[stage])
    alone = StackedHourglass(num_stacks=stacks, channels=8, num_keypoints=num_keypoints, depth=1,
                             stem_channels=(4, 8, 8))
    assert set(first.state_dict()) == set(alone.state_dict())
    # the network itself is whole, and has the same tensors
    assert all(torch.equal(a, b) for a, b in zip(network(images), before, strict=True))
    assert first.stem[0].weight is network.stem[0].weight


@pytest.mark.parametrize('stage', [3, -4])
def test_a_stage_that_there_is_not_is_refused(network, stage):
    with pytest.raises(ConfigError, match=f'stage {stage}: the network has 3, give 0 to 2'):
        Deployed(network, mean=[0] * 3, std=[1] * 3, stage=stage)


def test_a_convolution_makes_heatmaps_of_features():
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 7, 1)
    pixels = torch.rand(2, 3, 4, 4)
    module = Deployed(Echo(), mean=[0] * 3, std=[1] * 3, rgb=False, to_heatmaps=conv)
    assert torch.equal(module(pixels), conv(pixels))
