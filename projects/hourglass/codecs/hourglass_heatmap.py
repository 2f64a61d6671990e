"""The codec: keypoints in the network's input to heatmaps and back, as in :mod:`.decode`."""
import numpy as np
import torch
from mmpose.codecs.base import BaseKeypointCodec
from numpy import ndarray
from torch import Tensor

from hourglass.codecs.decode import OFFSETS, DecodeHeatmaps
from hourglass.errors import ConfigError
from hourglass.registry import KEYPOINT_CODECS


@KEYPOINT_CODECS.register_module()
class HourglassHeatmap(BaseKeypointCodec):
    """Targets and decoding of the paper, and their unbiased variants.

    A heatmap cell covers ``input_size / heatmap_size`` input pixels, so with s = 4 the middle of
    cell j lies between input pixels 4j+1 and 4j+2: ``x_input = s * (x_heatmap + 0.5) - 0.5``.
    A mirrored image then has exactly mirrored heatmaps, and flip averaging needs no shift
    (mmpose's codecs put cell j at input pixel 4j, and shift).

    Args:
        input_size: (w, h) of the network's input in px.
        heatmap_size: (w, h) of a heatmap.
        sigma: of the Gaussian in heatmap px. Paper: 1. Lua: 1.75.
        centers: ``'subpixel'`` puts the Gaussian where the keypoint is; ``'cell'`` in the middle of
            the keypoint's cell, as Lua does. Of MPII's validation joints, encoded and decoded
            without a network, whole cells leave 98.1 % within PCKh@0.1 and 32.1 % within @0.05,
            sub-pixel centres 100 % and 98.0 % (``'quarter'``) or 100 % (``'parabola'``).
        unannotated: ``'zero'`` trains keypoints without annotation towards an empty map, so that
            the peak's height predicts presence (paper, Lua); ``'mask'`` takes them out of the loss
            (HRNet, FPD, mmpose). A keypoint annotated outside the input counts as unannotated.
        refine: where the keypoint lies by the highest cell: ``'quarter'`` of a cell towards the
            higher neighbour (paper), or at the top of a ``'parabola'`` (unbiased). The cell alone
            is no choice: it loses as much accuracy as whole cells in the targets.
    """

    label_mapping_table = dict(keypoint_weights='keypoint_weights')
    field_mapping_table = dict(heatmaps='heatmaps')

    def __init__(self, input_size: tuple[int, int], heatmap_size: tuple[int, int],
                 sigma: float = 1.0, centers: str = 'subpixel', unannotated: str = 'zero',
                 refine: str = 'quarter'):
        for name, value, choices in (('centers', centers, ('subpixel', 'cell')),
                                     ('unannotated', unannotated, ('zero', 'mask')),
                                     ('refine', refine, tuple(OFFSETS))):
            if value not in choices:
                raise ConfigError(f'HourglassHeatmap: {name}={value!r}, choose from {choices}')
        if sigma <= 0:
            raise ConfigError(f'HourglassHeatmap: sigma={sigma}, give more than 0')
        self.input_size = (input_size[0], input_size[1])
        self.heatmap_size = (heatmap_size[0], heatmap_size[1])
        self.input_px_per_cell = np.divide(input_size, heatmap_size)        # (x, y)
        self.sigma, self.centers = sigma, centers
        self.unannotated, self.refine = unannotated, refine
        self.decode_heatmaps = DecodeHeatmaps(self.input_px_per_cell.tolist(), refine)

    def encode(self, keypoints: ndarray, keypoints_visible: ndarray) -> dict:
        """Return ``heatmaps`` (K, h, w) and ``keypoint_weights`` (1, K) of one person, float32.

        The keypoints (1, K, 2) are x, y in input px, 0-based; (1, K) above 0 are annotated.
        """
        if len(keypoints) != 1:
            raise ConfigError(f'HourglassHeatmap encodes one person, got {len(keypoints)}')
        keypoints_heatmap = (keypoints[0, :, :2] + 0.5) / self.input_px_per_cell - 0.5  # (K, 2)
        cells = np.floor(keypoints_heatmap + 0.5)
        present = ((keypoints_visible[0] > 0) & (cells >= 0).all(-1)
                   & (cells < self.heatmap_size).all(-1))                               # (K,)
        centres = cells if self.centers == 'cell' else keypoints_heatmap
        heatmaps = draw_gaussians(
            np.where(present[:, None], centres, np.inf), self.heatmap_size, self.sigma)
        weights = np.ones_like(present) if self.unannotated == 'zero' else present
        return dict(heatmaps=heatmaps, keypoint_weights=weights[None].astype(np.float32))

    def decode(self, encoded: ndarray) -> tuple[ndarray, ndarray]:
        """Heatmaps (K, h, w) of one person -> keypoints (1, K, 2) in input px, scores (1, K)."""
        keypoints, scores = self.decode_heatmaps(torch.from_numpy(encoded[None]))
        return keypoints.numpy(), scores.numpy()

    def batch_decode(self, batch_encoded: Tensor) -> tuple[list[ndarray], list[ndarray]]:
        """The same for (B, K, h, w), as lists of B; mmpose's heads call this one."""
        keypoints, scores = self.decode_heatmaps(batch_encoded.detach().cpu().float())
        return list(keypoints.numpy()[:, None]), list(scores.numpy()[:, None])


def draw_gaussians(centres: ndarray, size: tuple[int, int], sigma: float) -> ndarray:
    """Draw one Gaussian of peak 1 per keypoint: (K, h, w) float32.

    Args:
        centres: (K, 2) x, y in heatmap px; need not be whole. Infinity leaves a map empty.
        size: (w, h) of the heatmaps.
        sigma: standard deviation in heatmap px.
    """
    width, height = size
    offsets = np.arange(max(size), dtype=np.float32) - centres[:, :, None].astype(np.float32)
    # a Gaussian is the product of its marginals: 2*K*w exponentials instead of K*w*h
    marginals = np.exp(offsets * offsets * np.float32(-0.5 / sigma**2))         # (K, 2, w or h)
    return np.einsum('kx,ky->kyx', marginals[:, 0, :width], marginals[:, 1, :height])
