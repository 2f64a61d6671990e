"""Gaussian targets, in numpy. Coordinates are as in :mod:`hourglass.codecs.decode`."""
import numpy as np
from numpy import ndarray


def draw_gaussians(centres: ndarray, size: tuple[int, int], sigma: float) -> ndarray:
    """Draw one Gaussian of peak 1 per keypoint.

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
