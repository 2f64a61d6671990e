"""From heatmaps to keypoints, in torch: what the codec decodes with and what exported files hold.

A coordinate x in heatmap px is 0-based and counts cell centres: x = 3 is the middle of the fourth
cell, whose area is [2.5, 3.5).

Places are computed as float32, without comparisons and without ``where``: OpenCV's dnn, which runs
exported files, clamps no integers and reads no constants of type bool.
"""
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class DecodeHeatmaps(nn.Module):
    """Heatmaps (B, K, h, w) -> keypoints (B, K, 2) in input px, 0-based, and scores (B, K).

    A keypoint is the highest cell, moved towards its higher neighbours; a score is its height.

    Args:
        input_px_per_cell: in x and in y.
        refine: a name out of :data:`OFFSETS`.
    """

    input_px_per_cell: Tensor

    def __init__(self, input_px_per_cell: Sequence[float], refine: str):
        super().__init__()
        self.register_buffer('input_px_per_cell', torch.tensor(
            list(map(float, input_px_per_cell)), dtype=torch.float32))
        self.offset = OFFSETS[refine]

    def forward(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        height, width = heatmaps.shape[-2:]
        flat = heatmaps.float().flatten(2)                              # (B, K, h*w)
        place = flat.argmax(-1).float()                                 # (B, K), first of equals
        row = (place / width).floor()
        cells = (place - row * width, row)
        keypoints_heatmap = torch.stack([
            cell + self.offset(flat, place, cell, length, stride)
            for cell, length, stride in zip(cells, (width, height), (1, width))], -1)
        return (keypoints_heatmap + 0.5) * self.input_px_per_cell - 0.5, _at(flat, place)


def quarter_offset(flat: Tensor, place: Tensor, cell: Tensor, length: int, stride: int) -> Tensor:
    """A quarter of a cell towards the higher neighbour (paper's code, Lua), in x or in y.

    The (B, K) offsets are -0.25, 0 or 0.25; 0 at the border, where a neighbour is missing.

    Args:
        flat: (B, K, h*w) heatmaps.
        place: (B, K) index of the highest cell in them, a whole number like ``cell``.
        cell: (B, K) its x or y, one of ``length`` cells that lie ``stride`` apart in ``flat``.
    """
    if length < 3:
        return torch.zeros_like(cell)
    step = (1 - (cell.clamp(1, length - 2) - cell).abs()) * stride      # 0 at the border
    return 0.25 * torch.sign(_at(flat, place + step) - _at(flat, place - step))


def parabola_offset(flat: Tensor, place: Tensor, cell: Tensor, length: int, stride: int) -> Tensor:
    """The top of the parabola through the logarithms of three cells, in x or in y.

    The logarithm of a Gaussian is a parabola, so this is exact for a Gaussian of any sigma, as in
    DARK (Zhang et al., CVPR 2020) without its blur. At the border the three cells nearest to it
    are taken. Arguments are as in :func:`quarter_offset`; the (B, K) offsets lie in [-0.5, 0.5],
    with 0 for a profile that is flat or hollow.
    """
    if length < 3:                                          # no cell has two neighbours
        return torch.zeros_like(cell)
    inwards = cell.clamp(1, length - 2) - cell              # 0 except at the border
    before, at, after = (_at(flat, place + (inwards + side) * stride).clamp(min=1e-10).log()
                         for side in (-1, 0, 1))
    slope, curvature = (after - before) / 2, after - 2 * at + before
    peaked = torch.sign(-curvature).clamp(min=0)
    return (peaked * (inwards - slope / curvature.clamp(max=-1e-9))).clamp(-0.5, 0.5)


OFFSETS: dict[str, Callable[[Tensor, Tensor, Tensor, int, int], Tensor]] = {
    'quarter': quarter_offset, 'parabola': parabola_offset}


def _at(flat: Tensor, place: Tensor) -> Tensor:
    return flat.gather(-1, place.long()[..., None])[..., 0]
