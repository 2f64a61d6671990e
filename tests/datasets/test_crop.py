"""The one crop: its geometry is mmpose's, its pixels are averaged where a crop shrinks."""
import cv2
import numpy as np
import pytest
from mmpose.structures.bbox import get_warp_matrix

from hourglass.datasets.crop import (
    Piece,
    PieceStore,
    crop_around,
    crop_image,
    crop_matrix,
    fitted,
    fitted_image,
    reduction_for,
    to_image,
)


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


def test_a_whole_image_is_fitted_and_filled_up_to_a_multiple():
    """150x90 px become 75x45 px; the last pixels of each are interpolated with the black beside."""
    fitted, zoom = fitted_image(np.full((90, 150, 3), 200, np.uint8), 75, 32)
    assert fitted.shape == (64, 96, 3) and zoom == 0.5
    assert (fitted[:44, :74] == 200).all()
    assert not fitted[46:].any() and not fitted[:, 76:].any()


def test_a_very_flat_image_keeps_a_row():
    fitted, zoom = fitted_image(np.full((10, 20000, 3), 200, np.uint8), 400, 32)
    assert fitted.shape == (32, 416, 3) and zoom == 0.02 and fitted[0].any()


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


def matrix_of(center: tuple, side: float, input_side: int, degrees: float = 0) -> np.ndarray:
    return crop_matrix(np.array(center), np.array([side, side]), degrees, (input_side, input_side))


@pytest.mark.parametrize('degrees', [0, 23])
def test_a_crop_of_less_than_twice_the_input_is_opencvs(rng, degrees):
    image = rng.integers(256, size=(150, 200, 3), dtype=np.uint8)
    matrix = matrix_of((90, 70), 127, 64, degrees)
    expected = cv2.warpAffine(image, matrix, (64, 64), flags=cv2.INTER_LINEAR)
    assert np.array_equal(crop_image(image, matrix, (64, 64)), expected)


@pytest.mark.parametrize(('shrinks_by', 'averaged'),
                         [(1.9, 1), (2.01, 2), (3.9, 2), (4.5, 4), (20, 16)])
def test_noise_is_averaged_not_sampled(rng, shrinks_by, averaged):
    """The mean of n x n pixels has 1/n of their deviation; interpolation takes a little more."""
    image = np.clip(rng.normal(128, 30, (1500, 1500, 3)), 0, 255).astype(np.uint8)
    crop = crop_image(image, matrix_of((740, 760), 64 * shrinks_by, 64, 10), (64, 64))
    assert crop.shape == (64, 64, 3)
    assert 30 / averaged * 0.55 < crop.std() < 30 / averaged * 1.05
    assert crop.mean() == pytest.approx(128, abs=1)


@pytest.mark.parametrize('degrees', [0, -40])
@pytest.mark.parametrize('shrinks_by', [1.3, 2.6, 7.7])
def test_a_spot_is_found_where_the_matrix_takes_it(shrinks_by, degrees):
    """Averaging moves nothing: a round spot's centre lies within 0.05 px of the input."""
    for right, down in ((-10, 10.1), (12.3, -9.2), (-0.5, 13.25)):         # px of the input
        x, y = 310 + right * shrinks_by, 240 + down * shrinks_by
        columns, rows = np.meshgrid(np.arange(640), np.arange(480))
        spot = 255 * np.exp(-((columns - x)**2 + (rows - y)**2) / (2 * (3 * shrinks_by)**2))
        image = np.repeat(np.rint(spot).astype(np.uint8)[..., None], 3, 2)
        matrix = matrix_of((310, 240), 64 * shrinks_by, 64, degrees)
        crop = crop_image(image, matrix, (64, 64))[..., 0].astype(float)
        rows, columns = np.mgrid[:64, :64]
        found = np.array([(columns * crop).sum(), (rows * crop).sum()]) / crop.sum()
        assert found == pytest.approx(matrix[:, :2] @ (x, y) + matrix[:, 2], abs=0.05)


def test_a_crop_moves_with_its_image_to_the_last_bit(rng):
    image = rng.integers(256, size=(400, 500, 3), dtype=np.uint8)
    moved = np.zeros((440, 560, 3), np.uint8)
    moved[31:431, 57:557] = image
    here, there = (crop_image(some, matrix_of(center, 250, 64, 15), (64, 64))
                   for some, center in ((image, (240, 190)), (moved, (297, 221))))
    assert np.abs(here.astype(int) - there).max() <= 1          # the matrix's own rounding


def test_a_piece_around_the_crop_is_enough(rng):
    image = rng.integers(256, size=(400, 500, 3), dtype=np.uint8)
    matrix = matrix_of((240, 190), 250, 64, 15)
    piece = Piece.of_image(image).around(np.array([240, 190]), 250)
    assert piece.pixels.shape < image.shape
    assert np.array_equal(crop_image(piece, matrix, (64, 64)), crop_image(image, matrix, (64, 64)))


def test_only_squares_that_no_pixel_needs_are_left_out(rng, monkeypatch):
    image = rng.integers(256, size=(300, 400, 3), dtype=np.uint8)
    matrices = [matrix_of(rng.uniform(-50, 400, 2), rng.uniform(64, 600), 32, degrees)
                for degrees in [0, *rng.uniform(-180, 180, 20)]]
    crops = [crop_image(image, matrix, (32, 32)) for matrix in matrices]
    monkeypatch.setattr(Piece, 'squares', lambda piece, *_: piece)
    for matrix, crop in zip(matrices, crops):
        assert np.array_equal(crop, crop_image(image, matrix, (32, 32)))


def test_outside_of_the_image_a_crop_is_black(rng):
    image = np.full((50, 60, 3), 200, np.uint8)
    crop = crop_image(image, matrix_of((30, 25), 400, 64), (64, 64))
    assert crop[32, 32].tolist() == [200, 200, 200]
    assert not crop[:20].any() and not crop[-20:].any()


@pytest.mark.parametrize(('scale', 'reduction'), [
    ((100, 100), 1), ((511.9, 511.9), 1), ((512, 512), 2), ((1023, 1023), 2), ((1024, 1024), 4),
    ((5000, 5000), 8), ((512, 400), 1)])
def test_a_crop_keeps_a_pixel_for_every_pixel_of_the_input(scale, reduction):
    assert reduction_for(np.array(scale), (256, 256)) == reduction


@pytest.mark.parametrize('reduction', [1, 2, 8])
def test_a_piece_holds_what_lies_around_a_place(reduction, rng):
    """Places in the piece, moved to the image, are where the whole image has these pixels."""
    whole = Piece(rng.integers(256, size=(60, 90, 3), dtype=np.uint8),
                  (90 * reduction, 60 * reduction), reduction)
    center, radius = np.array([40.0, 23.5]) * reduction, 9.0 * reduction
    piece = whole.around(center, radius)
    matrix = np.array([[0.5, 0.2, 7.0], [-0.2, 0.5, 3.0]])
    (x, y), (height, width) = np.divide(piece.corner, reduction).astype(int), piece.pixels.shape[:2]
    assert np.array_equal(piece.pixels, whole.pixels[y:y + height, x:x + width])
    assert height < 26 and width < 26                       # 2 x 9, and a few to interpolate
    for pixel in ([0, 0], [3, 5]):
        through_piece, through_whole = (m[:, :2] @ at + m[:, 2] for m, at in (
            (piece.matrix_from(matrix), pixel), (whole.matrix_from(matrix), np.add(pixel, (x, y)))))
        assert through_piece == pytest.approx(through_whole, abs=1e-9)
        image = reduction * (np.add(pixel, (x, y)) + 0.5) - 0.5
        assert through_whole == pytest.approx(matrix[:, :2] @ image + matrix[:, 2], abs=1e-9)
    edges = (np.array([[x, y], [x + width - 1, y + height - 1]]) + 0.5) * reduction - 0.5
    assert (edges[0] < center - radius).all() and (center + radius < edges[1]).all()


def test_a_store_copies_until_it_is_full():
    image = np.zeros((256, 512, 3), np.uint8)             # 3/8 of a MiB
    store = PieceStore(1)
    for key in range(4):
        store.keep(key, Piece(image, (512, 256)))
    image += 1
    assert [store.get(key) is not None for key in range(4)] == [True, True, False, False]
    assert not store.get(0).pixels.any()
    assert store.room == 2**20 - 2 * image.nbytes


@pytest.mark.parametrize('side', [100, 300])
def test_a_crop_of_an_image_wider_than_opencv_takes_is_that_of_its_part(side):
    """Beyond 32,766 px ``cv2.warpAffine`` refuses; 300 px are averaged before."""
    rng = np.random.default_rng(0)
    wide = np.zeros((600, 40000, 3), np.uint8)
    wide[:, 35000:35600] = part = rng.integers(0, 255, (600, 600, 3), np.uint8)
    found, expected = (
        crop_image(image, crop_matrix(np.array([x, 300]), np.full(2, side), 20, (128, 128)),
                   (128, 128)) for image, x in ((wide, 35300), (part, 300)))
    assert np.abs(found.astype(int) - expected).max() <= 1      # rounding of a shift
    assert found.any()


@pytest.mark.parametrize(('sides', 'size', 'expected'), [
    ((30, 40), (64, 64), (40, 40)), ((30, 40), (192, 256), (30, 40)),
    ((30, 20), (192, 256), (30, 40)), ((10, 40), (192, 256), (30, 40))])
def test_the_shorter_side_grows_to_the_inputs_proportion(sides, size, expected):
    assert fitted(np.array(sides), size).tolist() == list(expected)


def test_pixels_beyond_the_edge_do_not_darken_it():
    assert (Piece(np.full((5, 7, 3), 200, np.uint8), (7, 5)).reduced(4).pixels == 200).all()
