"""Targets and their inversion, on maps of every place a keypoint can have."""
import numpy as np
import pytest

from hourglass.codecs import gaussian

SIZE = (12, 10)         # w, h


def places(step: float) -> np.ndarray:
    """Centres all over the map, to the very edge of the outermost cells."""
    x, y = (np.arange(-0.5 + step / 2, side - 0.5, step) for side in SIZE)
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def test_a_gaussian_has_its_peak_and_its_width():
    heatmap = gaussian.draw_gaussians(np.array([[4.0, 3.0]]), SIZE, sigma=1.5)[0]
    assert heatmap.shape == (10, 12)
    assert heatmap[3, 4] == 1
    assert heatmap[3, 7] == pytest.approx(np.exp(-0.5 * (3 / 1.5)**2), rel=1e-6)
    assert heatmap[5, 5] == pytest.approx(np.exp(-0.5 * (1 + 4) / 1.5**2), rel=1e-6)


def test_all_gaussians_are_the_formula_and_infinity_is_empty():
    centres = places(step=1.7)
    columns, rows = np.meshgrid(np.arange(12), np.arange(10))
    distances = ((columns - centres[:, 0, None, None])**2 + (rows - centres[:, 1, None, None])**2)
    heatmaps = gaussian.draw_gaussians(centres, SIZE, sigma=1.3)
    assert heatmaps.dtype == np.float32 and heatmaps.flags.c_contiguous
    # float32 centres: 1e-6 px, of a slope of at most 0.5 a px
    assert np.abs(heatmaps - np.exp(-distances / (2 * 1.3**2))).max() < 2e-6
    assert not gaussian.draw_gaussians(np.full((3, 2), np.inf), SIZE, sigma=1.3).any()


def test_peaks_are_the_nearest_cells():
    centres = places(step=0.23)
    cells, values = gaussian.peaks(gaussian.draw_gaussians(centres, SIZE, sigma=1))
    assert np.abs(cells - centres).max() <= 0.5
    assert values.min() >= np.exp(-0.25) - 1e-6       # half a cell off in x and in y


@pytest.mark.parametrize('sigma', [1, 1.75, 2])
def test_the_parabola_is_exact_up_to_the_border(sigma):
    centres = places(step=0.23)
    heatmaps = gaussian.draw_gaussians(centres, SIZE, sigma)
    cells, _ = gaussian.peaks(heatmaps)
    found = cells + gaussian.parabola_offset(heatmaps, cells)
    assert np.abs(found - centres).max() < 1e-3


def test_the_quarter_offset_leaves_a_quarter_of_a_cell_at_most():
    centres = places(step=0.23)
    inside = ((centres > 0.5) & (centres < np.array(SIZE) - 1.5)).all(-1)
    heatmaps = gaussian.draw_gaussians(centres[inside], SIZE, sigma=1)
    cells, _ = gaussian.peaks(heatmaps)
    found = cells + gaussian.quarter_offset(heatmaps, cells)
    assert np.abs(found - centres[inside]).max() <= 0.25 + 1e-6


def test_a_flat_or_negative_map_moves_nothing():
    for value in (0.0, -1.0):
        heatmaps = np.full((2, 10, 12), value, np.float32)
        cells, _ = gaussian.peaks(heatmaps)
        assert not gaussian.parabola_offset(heatmaps, cells).any()
        assert not gaussian.quarter_offset(heatmaps, cells).any()
