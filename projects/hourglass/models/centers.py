"""People as points: boxes from the features of a stacked hourglass; the file needs torch alone.

Zhou, Wang, Krähenbühl, *Objects as Points* (arXiv 1904.07850), for one class: a heatmap of the
boxes' centres, and at each cell the offset of the centre and the size of the box. As in TTFNet (Liu
et al., AAAI 2020), Gaussians have the shape of the box, and all cells near a centre learn offset
and size, which takes fewer iterations. Shapes: B images, P boxes, (h, w) = (H/4, W/4) cells. Boxes
are x1, y1, x2, y2 in input px from the image's corner, and a score from 0 to 1.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4                              # px of a cell
_SPREAD = 0.54 / 6                      # deviation of a Gaussian over the box's side (TTFNet)
_NEAR = 0.3                             # cells learn a box where its Gaussian is larger
_TOO_SMALL = 3                          # times as costly as too large: a crop needs all limbs
_CERTAIN = 0.4                          # score of a person; centres of lower ones are ignored
# longer side of a box as a share of the image's: at most at the full size, at least at half of it;
# chosen on LSP's training people and the MPII subset (configs/detection/README.md)
_LARGEST, _SMALLEST = 0.6, 0.16


class CenterHead(nn.Module):
    """Features of N stacks, (B, C, h, w) each -> N maps (B, 5, h, w).

    Channels: the logit of a centre, the offset (x, y) of the centre from the middle of the cell in
    cells, and the logarithm of the box's (width, height) in cells.

    ``longer_side`` is that of the images in px for which the network is trained, and is stored
    with the weights.
    """

    longer_side: Tensor

    def __init__(self, channels: int, num_stages: int, longer_side: int):
        super().__init__()
        maps = [nn.Conv2d(channels, 5, 1) for _ in range(num_stages)]
        for conv in maps:
            nn.init.normal_(conv.weight, std=0.001)
            # a probability of 0.1 (the paper, 5.1), and boxes of 30 px
            conv.bias = nn.Parameter(torch.tensor([-2.19, 0, 0, 2, 2]))
        self.maps = nn.ModuleList(maps)
        self.register_buffer('longer_side', torch.tensor(float(longer_side)))

    @classmethod
    def of(cls, tensors: dict[str, Tensor]) -> CenterHead:
        """Make the head of its state dict, or raise ``KeyError`` or ``RuntimeError``."""
        stages = sum(name.endswith('.weight') for name in tensors)
        head = cls(tensors['maps.0.weight'].shape[1], stages, 0)
        head.load_state_dict(tensors)
        return head

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        return [conv(x) for conv, x in zip(self.maps, features)]


def losses(stages: Sequence[Tensor], boxes: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return ``loss_center{i}`` and ``loss_box{i}`` of N stages for the boxes (P, 5) of B images.

    The score says how sure it is that a box shows a person. Where it is below 0.4, the heatmap may
    have a centre or not.
    """
    height, width = stages[0].shape[-2:]
    heat, peaks, weights, sides = (torch.stack(one) for one in zip(*(
        targets(one, (height, width)) for one in boxes)))
    found = {}
    for stage, maps in enumerate(maps.float() for maps in stages):
        found[f'loss_center{stage}'] = focal_loss(maps[:, 0], heat, peaks)
        offsets = (maps[:, 1:3] - sides[:, :2]).abs() / sides[:, 2:].exp()
        larger = maps[:, 3:] - sides[:, 2:]
        error = offsets + torch.where(larger < 0, -_TOO_SMALL * larger, larger)
        found[f'loss_box{stage}'] = (error.sum(1) * weights).sum() / weights.sum().clamp(1)
    return found


def targets(boxes: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what the maps of an image are to be, for boxes (P, 5) and a size (h, w) in cells.

    Returns:
        Gaussians and peaks (h, w), the weights (h, w) of offsets and sizes, and these (4, h, w).
    """
    height, width = size
    if not len(boxes):
        return (*boxes.new_zeros(3, height, width), boxes.new_zeros(4, height, width))
    y, x = torch.meshgrid(*(torch.arange(side, device=boxes.device) + 0.5 for side in size),
                          indexing='ij')
    corners, scores = boxes[:, :4] / STRIDE, boxes[:, 4]
    centers, sides = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    cells = centers.floor() + 0.5
    spread = (_SPREAD * sides).clamp(0.5)
    distance = (((x - cells[:, 0, None, None]) / spread[:, 0, None, None])**2
                + ((y - cells[:, 1, None, None]) / spread[:, 1, None, None])**2)    # (P, h, w)
    gaussians = (-distance / 2).exp()
    heat, nearest = gaussians.max(0)
    certain = scores >= _CERTAIN
    peaks = ((distance == 0) & certain[:, None, None]).any(0).float()
    shares = gaussians * (gaussians > _NEAR)
    shares = shares / shares.sum((1, 2), keepdim=True).clamp(1) * certain[:, None, None]
    weights = shares.gather(0, nearest[None])[0]
    offsets = centers[nearest].movedim(-1, 0) - torch.stack([x, y])
    return heat, peaks, weights, torch.cat([offsets, sides[nearest].movedim(-1, 0).log()])


def focal_loss(logits: Tensor, heat: Tensor, peaks: Tensor) -> Tensor:
    """Return the paper's loss (1) of centres: logits, Gaussians and peaks are (B, h, w)."""
    p = logits.sigmoid()
    here = -functional.logsigmoid(logits) * (1 - p)**2 * peaks
    elsewhere = -functional.logsigmoid(-logits) * p**2 * (1 - heat)**4
    return (here + elsewhere).sum() / peaks.sum().clamp(1)


def decode(maps: Tensor, most: int = 100) -> list[Tensor]:
    """Maps (B, 5, h, w) -> boxes (P, 5) of each image at the peaks of 3x3 windows, best first."""
    maps = maps.float()
    heat = maps[:, :1].sigmoid()
    peaks = (heat * (functional.max_pool2d(heat, 3, 1, 1) == heat)).flatten(1)       # (B, h * w)
    scores, places = peaks.topk(min(most, peaks.shape[1]))                  # (B, P)
    width = maps.shape[-1]
    cells = torch.stack([places % width, places // width], -1) + 0.5        # (B, P, 2)
    values = maps[:, 1:].flatten(2).movedim(1, -1).gather(
        1, places[..., None].expand(-1, -1, 4))                             # (B, P, 4)
    centers, half = cells + values[..., :2], values[..., 2:].exp() / 2
    boxes = torch.cat([centers - half, centers + half], -1) * STRIDE
    return [one[one[:, 4] > 0] for one in torch.cat([boxes, scores[..., None]], -1)]


def sides_for(depth: int) -> int:
    """Return what the sides of :func:`find`'s images are multiples of, for levels of an hourglass.

    The stem divides by 4, every level by 2, and the images are halved once more.
    """
    return 2 * STRIDE * 2**depth


def find(maps_of: Callable[[Tensor], Tensor], images: Tensor) -> list[Tensor]:
    """Find people at the images' size and at half of it: (B, 3, H, W) -> boxes (P, 5) of each.

    Boxes longer than 0.6 of the image (230 of 384 px), which the training's views of 256 px seldom
    show whole, are found at half the size alone, and those shorter than 0.16 at the full size
    alone. Between these, boxes of both are joined.

    Args:
        maps_of: images -> maps (B, 5, h, w). It has to accept sides H, W and H/2, W/2.
        images: pixels, normalised as ``maps_of`` needs them.
    """
    longer = max(images.shape[2:])
    halved = functional.avg_pool2d(images, 2)
    found = []
    for whole, half in zip(decode(maps_of(images)), decode(maps_of(halved))):
        half[:, :4] *= 2
        found.append(joined(whole[_sides(whole) <= _LARGEST * longer],
                            half[_sides(half) >= _SMALLEST * longer]))
    return found


def joined(boxes: Tensor, others: Tensor) -> Tensor:
    """Join boxes (P, 5) and (Q, 5) of an image: two that are each other's best match become one.

    They match if their intersection over union is above 0.5. Their mean, weighted by the scores,
    takes their place, with the higher of the two scores.
    """
    if not len(boxes) or not len(others):
        return torch.cat([boxes, others])
    corners = torch.minimum(boxes[:, None, 2:4], others[:, 2:4])
    shared = (corners - torch.maximum(boxes[:, None, :2], others[:, :2])).clamp(0).prod(-1)
    overlaps = shared / (_areas(boxes)[:, None] + _areas(others) - shared)      # (P, Q)
    best, match = overlaps.max(1)
    paired = (best > 0.5) & (
        overlaps.argmax(0)[match] == torch.arange(len(boxes), device=boxes.device))
    one, two = boxes[paired], others[match[paired]]
    both = (one * one[:, 4:] + two * two[:, 4:]) / (one[:, 4:] + two[:, 4:])
    both[:, 4] = torch.maximum(one[:, 4], two[:, 4])
    alone = torch.ones(len(others), dtype=torch.bool, device=boxes.device)
    alone[match[paired]] = False
    return torch.cat([both, boxes[~paired], others[alone]])


def _sides(boxes: Tensor) -> Tensor:
    """Return the longer side of each box."""
    return (boxes[:, 2:4] - boxes[:, :2]).amax(1)


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:4] - boxes[:, :2]).prod(1)
