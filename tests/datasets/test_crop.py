"""Crops and the way back: LSP's test crop is the whole image's; the way back is mmpose's."""
import numpy as np
import pytest
from mmpose.structures.bbox import get_warp_matrix

from hourglass.datasets.crop import crop_around, crop_matrix, to_image


def test_a_whole_image_is_cropped_as_lsps_test_people_are():
    size = np.array([121, 201])
    middle, side = crop_around(np.array([0, 0, *size]), size)
    assert middle.tolist() == ((size - 1) / 2).tolist() and side == 201


def test_keypoints_come_back_to_where_the_crop_took_them(rng):
    crop = dict(input_size=(128, 128), input_scale=np.array([90.0, 90]),
                input_center=np.array([40.0, 71.5]))
    matrix = get_warp_matrix(crop['input_center'], crop['input_scale'], 0, crop['input_size'])
    keypoints_image = rng.uniform(0, 100, (5, 7, 2))
    keypoints_input = keypoints_image @ matrix[:, :2].T + matrix[:, 2]
    assert to_image(keypoints_input, crop) == pytest.approx(keypoints_image, abs=1e-4)


@pytest.mark.parametrize('input_size', [(128, 128), (96, 128)])
def test_the_way_into_the_crop_is_mmposes(rng, input_size):
    for _ in range(50):
        center, side = rng.uniform(-50, 900, 2), rng.uniform(40, 900)
        degrees = rng.uniform(-180, 180)
        scale = side * np.array([1, input_size[1] / input_size[0]])
        corners = center + scale * rng.uniform(-0.5, 0.5, (20, 2))
        ours, theirs = (corners @ matrix[:, :2].T + matrix[:, 2] for matrix in (
            crop_matrix(center, scale, degrees, input_size),
            get_warp_matrix(center, scale, degrees, input_size)))
        assert ours == pytest.approx(theirs, abs=0.01)      # px; mmpose's goes through float32
