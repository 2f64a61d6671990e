"""Targets on maps of every place a keypoint can have."""
import numpy as np
import pytest

from hourglass.codecs.gaussian import draw_gaussians

SIZE = (12, 10)         # w, h


def places(step: float) -> np.ndarray:
    """Centres all over the map, to the very edge of the outermost cells."""
    x, y = (np.arange(-0.5 + step / 2, side - 0.5, step) for side in SIZE)
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def test_a_gaussian_has_its_peak_and_its_width():
    heatmap = draw_gaussians(np.array([[4.0, 3.0]]), SIZE, sigma=1.5)[0]
    assert heatmap.shape == (10, 12)
    assert heatmap[3, 4] == 1
    assert heatmap[3, 7] == pytest.approx(np.exp(-0.5 * (3 / 1.5)**2), rel=1e-6)
    assert heatmap[5, 5] == pytest.approx(np.exp(-0.5 * (1 + 4) / 1.5**2), rel=1e-6)


def test_all_gaussians_are_the_formula_and_infinity_is_empty():
    centres = places(step=1.7)
    columns, rows = np.meshgrid(np.arange(12), np.arange(10))
    distances = ((columns - centres[:, 0, None, None])**2 + (rows - centres[:, 1, None, None])**2)
    heatmaps = draw_gaussians(centres, SIZE, sigma=1.3)
    assert heatmaps.dtype == np.float32 and heatmaps.flags.c_contiguous
    # float32 centres: 1e-6 px, of a slope of at most 0.5 a px
    assert np.abs(heatmaps - np.exp(-distances / (2 * 1.3**2))).max() < 2e-6
    assert not draw_gaussians(np.full((3, 2), np.inf), SIZE, sigma=1.3).any()
