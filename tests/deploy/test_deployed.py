"""An exported module: pixels, stages, mirrored images, heatmaps and keypoints."""
import pytest
import torch

from hourglass import StackedHourglass
from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.deploy.deployed import Deployed
from hourglass.errors import ConfigError

PLAIN = dict(mean=[0] * 3, std=[1] * 3)


class Echo(torch.nn.Module):
    """A network that returns its images as the heatmaps of its only stage."""

    def forward(self, images):
        return (images,)


def test_pixels_are_reversed_and_normalised():
    pixels = torch.arange(2 * 3 * 4).reshape(1, 3, 2, 4).to(torch.uint8)
    module = Deployed(Echo(), mean=[10, 20, 30], std=[1, 2, 4], rgb=True)
    blue, green, red = pixels[0].float()
    expected = torch.stack([red - 10, (green - 20) / 2, (blue - 30) / 4])[None]
    assert torch.equal(module(pixels), expected)
    assert torch.equal(module(pixels.float()), expected)
    as_it_is = Deployed(Echo(), **PLAIN, rgb=False)
    assert torch.equal(as_it_is(pixels), pixels.float())


def test_the_mirrored_heatmaps_are_averaged_without_a_shift():
    pixels = torch.rand(2, 3, 4, 6)
    module = Deployed(Echo(), **PLAIN, rgb=False, flip_indices=[1, 0, 2])
    # an echo of the mirrored image, mirrored back, is the image with keypoints 0 and 1 swapped
    assert torch.allclose(module(pixels), (pixels + pixels[:, [1, 0, 2]]) / 2)


def network(num_stacks: int = 3, num_keypoints: int | None = 5) -> StackedHourglass:
    torch.manual_seed(0)
    return StackedHourglass(num_stacks=num_stacks, channels=8, num_keypoints=num_keypoints, depth=1,
                            stem_channels=(4, 8, 8)).eval()


@pytest.mark.parametrize(('stage', 'stacks'), [(0, 1), (1, 2), (2, 3), (-1, 3), (-3, 1)])
@pytest.mark.parametrize('num_keypoints', [5, None])
def test_nothing_behind_the_stage_is_there(stage, stacks, num_keypoints):
    whole = network(num_keypoints=num_keypoints)
    images = torch.rand(1, 3, 32, 32)
    before = whole(images)
    module = Deployed(whole, **PLAIN, rgb=False, stage=stage)
    assert torch.equal(module(images), before[stage])
    alone = network(stacks, num_keypoints)
    assert set(module.network.state_dict()) == set(alone.state_dict())
    # the network itself is whole, and has the same tensors
    assert all(torch.equal(a, b) for a, b in zip(whole(images), before, strict=True))
    assert module.network.stem[0].weight is whole.stem[0].weight


@pytest.mark.parametrize('stage', [3, -4])
def test_a_stage_that_does_not_exist_is_refused(stage):
    with pytest.raises(ConfigError, match=f'stage {stage}: the network has 3, give 0 to 2'):
        Deployed(network(), **PLAIN, stage=stage)


def test_a_convolution_makes_heatmaps_of_features():
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 7, 1)
    pixels = torch.rand(2, 3, 4, 4)
    module = Deployed(Echo(), **PLAIN, rgb=False, to_heatmaps=conv)
    assert torch.equal(module(pixels), conv(pixels))


def test_keypoints_are_decoded_from_the_heatmaps():
    decode = DecodeHeatmaps((4, 4), 'parabola')
    pixels = torch.rand(2, 3, 8, 8)
    module = Deployed(Echo(), **PLAIN, rgb=False, decode=decode)
    for found, expected in zip(module(pixels), decode(pixels), strict=True):
        assert torch.equal(found, expected)
    assert torch.equal(module.heatmaps(pixels), pixels)
