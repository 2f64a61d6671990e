"""Gaussian targets and their inversion: numpy arrays in heatmap pixels, nothing else.

A coordinate x in heatmap px is 0-based and counts cell centres: x = 3 is the middle of the fourth
cell, whose area is [2.5, 3.5).
"""
import numpy as np
from numpy import ndarray


def draw_gaussians(centres: ndarray, size: tuple[int, int], sigma: float) -> ndarray:
    """One Gaussian of peak 1 per keypoint, all at once.

    Args:
        centres: (K, 2) x, y in heatmap px; need not be whole. Infinity leaves a map empty.
        size: (w, h) of the heatmaps.
        sigma: standard deviation in heatmap px.

    Returns:
        (K, h, w) float32.
    """
    width, height = size
    offsets = np.arange(max(size), dtype=np.float32) - centres[:, :, None].astype(np.float32)
    # a Gaussian is the product of its marginals: 2*K*w exponentials instead of K*w*h
    marginals = np.exp(offsets * offsets * np.float32(-0.5 / sigma**2))         # (K, 2, w or h)
    return np.einsum('kx,ky->kyx', marginals[:, 0, :width], marginals[:, 1, :height])


def peaks(heatmaps: ndarray) -> tuple[ndarray, ndarray]:
    """The highest cell of every map.

    Args:
        heatmaps: (..., h, w).

    Returns:
        cells (..., 2) int x, y and values (...).
    """
    flat = heatmaps.reshape(*heatmaps.shape[:-2], -1)
    index = flat.argmax(-1)
    cells = np.stack([index % heatmaps.shape[-1], index // heatmaps.shape[-1]], axis=-1)
    return cells, np.take_along_axis(flat, index[..., None], -1)[..., 0]


def quarter_offset(heatmaps: ndarray, cells: ndarray) -> ndarray:
    """A quarter of a cell towards the higher neighbour, in x and in y (paper's code, Lua).

    Returns:
        (..., 2) offsets of -0.25, 0 or 0.25; 0 at the border, where a neighbour is missing.
    """
    offsets = []
    for cell, profile in _profiles(heatmaps, cells):
        last = profile.shape[-1] - 1
        left, right = (_at(profile, np.clip(cell + side, 0, last)) for side in (-1, 1))
        inside = (cell > 0) & (cell < last)
        offsets.append(0.25 * np.sign(right - left) * inside)
    return np.stack(offsets, axis=-1)


def parabola_offset(heatmaps: ndarray, cells: ndarray) -> ndarray:
    """The top of the parabola through the logarithms of three cells, in x and in y.

    The logarithm of a Gaussian is a parabola, so this is exact for one, whatever its sigma, as in
    DARK (Zhang et al., CVPR 2020) without its blur. At the border the three cells nearest to it
    are taken. The offset stays within half a cell, as the peak is the highest cell.

    Returns:
        (..., 2) offsets in [-0.5, 0.5].
    """
    offsets = []
    for cell, profile in _profiles(heatmaps, cells):
        middle = np.clip(cell, 1, profile.shape[-1] - 2)
        before, at, after = (np.log(np.maximum(_at(profile, middle + step), 1e-10))
                             for step in (-1, 0, 1))
        slope, curvature = (after - before) / 2, after - 2 * at + before
        # a flat or hollow profile has no top: stay in the middle of the cell
        top = np.where(curvature < 0, middle - slope / np.minimum(curvature, -1e-9), cell)
        offsets.append(np.clip(top - cell, -0.5, 0.5))
    return np.stack(offsets, axis=-1)


def _profiles(heatmaps: ndarray, cells: ndarray):
    """For x, then y: the peak's place (...) and the line of cells through it (..., w or h)."""
    x, y = cells[..., 0], cells[..., 1]
    yield x, np.take_along_axis(heatmaps, y[..., None, None], axis=-2)[..., 0, :]
    yield y, np.take_along_axis(heatmaps, x[..., None, None], axis=-1)[..., 0]


def _at(profile: ndarray, place: ndarray) -> ndarray:
    return np.take_along_axis(profile, place[..., None], -1)[..., 0]
