"""Decoding inverts the targets, and is the formula it says, cell by cell."""
import numpy as np
import pytest
import torch

from hourglass.codecs.decode import OFFSETS, DecodeHeatmaps
from hourglass.codecs.hourglass_heatmap import draw_gaussians

SIZE = (12, 10)         # w, h


def places(step: float) -> np.ndarray:
    """Centres all over the map, to the very edge of the outermost cells, (M, 2)."""
    x, y = (np.arange(-0.5 + step / 2, side - 0.5, step) for side in SIZE)
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def decoded(heatmaps: np.ndarray, refine: str, px_per_cell: tuple[float, float] = (1, 1)
            ) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (M, 2) and scores (M,) of heatmaps (M, h, w); in heatmap px by default."""
    keypoints, scores = DecodeHeatmaps(px_per_cell, refine)(torch.from_numpy(heatmaps)[None])
    return keypoints[0].numpy(), scores[0].numpy()


def reference(heatmap: np.ndarray, refine: str) -> tuple[float, float]:
    """One heatmap decoded in float64 with loops, as the docstrings put it."""
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    found = []
    for cell, line in ((int(column), heatmap[row]), (int(row), heatmap[:, column])):
        line = line.astype(np.float64)
        last = len(line) - 1
        if refine == 'quarter':
            step = 0.0 if cell in (0, last) else 0.25 * np.sign(line[cell + 1] - line[cell - 1])
        else:
            middle = min(max(cell, 1), last - 1)        # the nearest cell with two neighbours
            before, at, after = np.log(np.maximum(line[middle - 1:middle + 2], 1e-10))
            curvature = after - 2 * at + before
            top = middle - (after - before) / 2 / curvature if curvature < 0 else cell
            step = min(max(top - cell, -0.5), 0.5)
        found.append(cell + step)
    return found[0], found[1]


def maps() -> dict[str, np.ndarray]:
    """(M, 10, 12) heatmaps of every kind."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(300, 10, 12)).astype(np.float32)
    single = np.zeros((120, 120), np.float32)
    np.fill_diagonal(single, 1)                                     # each cell once
    return dict(
        gaussians=draw_gaussians(places(0.31), SIZE, 1), wide=draw_gaussians(places(0.31), SIZE, 2),
        uniform=rng.random((300, 10, 12)).astype(np.float32), noise=noise, below_zero=-abs(noise),
        levels=rng.integers(-1, 3, (300, 10, 12)).astype(np.float32),   # full of equal peaks
        single=single.reshape(120, 10, 12))


@pytest.mark.parametrize('kind', maps())
@pytest.mark.parametrize('refine', ['quarter', 'parabola'])
def test_decoding_is_its_formula(kind, refine):
    heatmaps = maps()[kind]
    found, scores = decoded(heatmaps, refine)
    expected = np.array([reference(heatmap, refine) for heatmap in heatmaps])
    assert np.array_equal(scores, heatmaps.max((1, 2)))
    # a quarter is exact in float32; logarithms differ from those in float64 in their last bit, by
    # which the top of an almost flat parabola moves further
    assert np.abs(found - expected).max() < (1e-5 if refine == 'quarter' else 1e-3)


def test_a_cell_covers_input_pixels_around_its_middle():
    heatmaps = np.zeros((1, 10, 12), np.float32)
    heatmaps[0, 2, 5] = 1
    assert decoded(heatmaps, 'quarter', (4, 8))[0].tolist() == [[4 * 5.5 - 0.5, 8 * 2.5 - 0.5]]


def test_peaks_are_the_nearest_cells():
    centres = places(step=0.23)
    found, scores = decoded(draw_gaussians(centres, SIZE, sigma=1), 'quarter')
    assert np.abs(np.rint(found) - centres).max() <= 0.5 + 1e-6
    assert scores.min() >= np.exp(-0.25) - 1e-6         # half a cell off in x and in y


@pytest.mark.parametrize('sigma', [1, 1.75, 2])
def test_the_parabola_is_exact_up_to_the_border(sigma):
    centres = places(step=0.23)
    found, _ = decoded(draw_gaussians(centres, SIZE, sigma), 'parabola')
    assert np.abs(found - centres).max() < 1e-3


def test_the_quarter_offset_leaves_a_quarter_of_a_cell_at_most():
    centres = places(step=0.23)
    inside = centres[((centres > 0.5) & (centres < np.array(SIZE) - 1.5)).all(-1)]
    found, _ = decoded(draw_gaussians(inside, SIZE, sigma=1), 'quarter')
    assert np.abs(found - inside).max() <= 0.25 + 1e-6


@pytest.mark.parametrize('refine', ['quarter', 'parabola'])
def test_a_flat_or_negative_map_moves_nothing(refine):
    for value in (0.0, -1.0):
        found, _ = decoded(np.full((2, 10, 12), value, np.float32), refine)
        assert not found.any()


@pytest.mark.parametrize('shape', [(2, 2), (1, 5), (1, 1)])
def test_maps_too_small_for_a_parabola_give_their_cells(shape):
    heatmaps = np.zeros((1, *shape), np.float32)
    heatmaps[0, -1, -1] = 1
    found, _ = decoded(heatmaps, 'parabola')
    assert np.abs(found - (shape[1] - 1, shape[0] - 1)).max() <= 0.5


@pytest.mark.parametrize('refine', OFFSETS)
def test_half_precision_is_decoded_as_float32(refine):
    heatmaps = torch.rand(2, 3, 16, 12, generator=torch.Generator().manual_seed(0)).half()
    decode = DecodeHeatmaps((4, 4), refine)
    for found, expected in zip(decode(heatmaps), decode(heatmaps.float())):
        assert torch.equal(found, expected)
