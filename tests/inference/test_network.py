"""A trained network as one module: normalisation, mirrored average, stages and decoding."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from pairs import zip_equal

from hourglass import StackedHourglass
from hourglass.apis import init_model, predict
from hourglass.checkpoints.description import Description
from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.errors import ConfigError
from hourglass.inference.network import PoseNetwork


def module(network, to_heatmaps=None, decode=None, keypoints: int = 3, **described) -> PoseNetwork:
    of_input = dict(input_size=(32, 32), mean=[0] * 3, std=[1] * 3, rgb=False, flip=False)
    return PoseNetwork(network, Description(
        keypoints=[f'k{i}' for i in range(keypoints)], links=[],
        **dict(flip_indices=range(keypoints)) | of_input | described), to_heatmaps, decode)


class Echo(torch.nn.Module):
    """A network that returns its images as the heatmaps of its only stage."""

    def forward(self, images):
        return (images,)


def test_pixels_are_reversed_and_normalised():
    pixels = torch.arange(2 * 3 * 4).reshape(1, 3, 2, 4).to(torch.uint8)
    normalised = module(Echo(), mean=[10, 20, 30], std=[1, 2, 4], rgb=True)
    blue, green, red = pixels[0].float()
    expected = torch.stack([red - 10, (green - 20) / 2, (blue - 30) / 4])[None]
    assert torch.equal(normalised(pixels), expected)
    assert torch.equal(normalised(pixels.float()), expected)
    assert torch.equal(module(Echo())(pixels), pixels.float())


def test_the_mirrored_heatmaps_are_averaged_without_a_shift():
    pixels = torch.rand(2, 3, 4, 6)
    averaged = module(Echo(), flip=True, flip_indices=[1, 0, 2])
    # an echo of the mirrored image, mirrored back, is the image with keypoints 0 and 1 swapped
    assert torch.allclose(averaged(pixels), (pixels + pixels[:, [1, 0, 2]]) / 2)


def test_a_large_image_and_its_mirror_image_go_through_the_network_one_by_one():
    class Counted(Echo):
        def forward(self, images):
            batches.append(len(images))
            return super().forward(images)
    batches: list[int] = []
    averaged = module(Counted(), flip=True, flip_indices=[1, 0, 2])
    pixels = torch.rand(2, 3, 256, 256)
    alone, together = averaged(pixels[:1]), averaged(pixels)
    averaged(pixels[:1, :, 1:])
    assert batches == [1, 1, 4, 2] and torch.equal(alone, together[:1])


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
    cut = module(whole, keypoints=5).until_stage(stage)
    assert torch.equal(cut(images), before[stage])
    alone = network(stacks, num_keypoints)
    assert set(cut.network.state_dict()) == set(alone.state_dict())
    # the network itself is whole, and has the same tensors
    assert all(torch.equal(a, b) for a, b in zip_equal(whole(images), before))
    assert cut.network.stem[0].weight is whole.stem[0].weight


@pytest.mark.parametrize('stage', [3, -4])
def test_a_stage_that_does_not_exist_is_refused(stage):
    for refuse in (lambda: module(network(), stage=stage),
                   lambda: module(network()).until_stage(stage)):
        with pytest.raises(ConfigError, match=f'no stage of index {stage}.* 0 to 2'):
            refuse()


def test_a_convolution_makes_heatmaps_of_features():
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 7, 1)
    pixels = torch.rand(2, 3, 4, 4)
    assert torch.equal(module(Echo(), to_heatmaps=[conv])(pixels), conv(pixels))


def test_keypoints_are_decoded_from_the_heatmaps():
    decode = DecodeHeatmaps((4, 4), 'parabola')
    pixels = torch.rand(2, 3, 8, 8)
    decoding = module(Echo(), decode=decode)
    for found, expected in zip_equal(decoding(pixels), decode(pixels)):
        assert torch.equal(found, expected)
    assert torch.equal(decoding.heatmaps(pixels)[0], pixels)


@pytest.fixture(scope='module')
def model():
    return init_model('flic-small4', device='cpu')


def test_the_cut_network_predicts_as_the_whole_one_does_there(model, synthetic):
    image = min((synthetic / 'synthetic/test/images').iterdir())
    every = predict(model, image, whole_image=True, stages=True)
    for stage in range(4):
        cut = model.until_stage(stage)
        assert len(cut.network.hourglasses) == stage + 1
        assert predict(cut, image, whole_image=True).keypoints == pytest.approx(
            every.stage_keypoints[:, stage], abs=1e-3)
    assert len(model.network.hourglasses) == 4
    assert np.array_equal(predict(model, image, whole_image=True).keypoints, every.keypoints)


def test_train_does_not_change_predictions(model, image):
    """Batch statistics would: the network alone, in training mode, gives other heatmaps."""
    before = predict(model, image, whole_image=True)
    model.train()
    assert np.array_equal(predict(model, image, whole_image=True).keypoints, before.keypoints)
    images = torch.rand(2, 3, 128, 128)
    stays = model.network(images)[-1]
    assert not torch.allclose(init_model('flic-small4').network.train()(images)[-1], stays,
                              atol=1e-2)


def test_a_network_without_a_config_has_no_estimator():
    with pytest.raises(ConfigError, match='loaded without a config; load it with its config'):
        module(network(), keypoints=5).estimator()
