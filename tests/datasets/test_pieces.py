"""How small an image may be decoded, and what is kept of it."""
import numpy as np
import pytest

from hourglass.datasets.pieces import Piece, PieceStore, reduction_for


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
