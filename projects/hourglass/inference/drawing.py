"""Skeletons, annotations and heatmaps drawn over images, (H, W, 3) uint8 BGR, and sheets."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy import ndarray

from hourglass.io.images import read_image, write_image

if TYPE_CHECKING:                       # mmpose is not needed to draw
    from hourglass.datasets.base import PersonDataset

_FRACTION_BITS = 4                      # OpenCV's fixed-point coordinates: 1/16 px
_FAR = 1 << 15                          # px; far outside of any image, and does not overflow
_WHITE = (255, 255, 255)


def draw_skeleton(image: ndarray, keypoints_image: ndarray, metainfo: dict,
                  side: float | None = None) -> ndarray:
    """Draw one person's bones and keypoints over an image, and return it.

    Args:
        keypoints_image: (K, 2) x, y in image px, 0-based; NaN is not drawn.
        metainfo: of the data set: green is the person's left, orange the right.
        side: of the person's crop, px, which the lines' width fits; default the image's.
    """
    thickness = max(1, round((side or max(image.shape[:2])) / 160))
    fixed = np.clip(keypoints_image, -_FAR, _FAR) * (1 << _FRACTION_BITS)
    points = [tuple(map(round, point)) if drawable else None for point, drawable in zip(
        fixed.tolist(), np.isfinite(keypoints_image).all(-1))]
    for (start, end), colour in zip(metainfo['skeleton_links'], metainfo['skeleton_link_colors']):
        if points[start] and points[end]:
            cv2.line(image, points[start], points[end], colour.tolist(), thickness, cv2.LINE_AA,
                     _FRACTION_BITS)
    radius = (thickness + 1) << _FRACTION_BITS
    for point, colour in zip(points, metainfo['keypoint_colors']):
        if point:
            cv2.circle(image, point, radius, colour.tolist(), -1, cv2.LINE_AA, _FRACTION_BITS)
            cv2.circle(image, point, radius, _WHITE, 1, cv2.LINE_AA, _FRACTION_BITS)
    return image


def draw_note(image: ndarray, text: str) -> None:
    """Write a line at the lower left of an image."""
    _write(image, text, (6, image.shape[0] - 8), 0.45)


def draw_number(image: ndarray, number: int, box: ndarray) -> None:
    """Write a person's number into the image, at the upper left of the box (x1, y1, x2, y2)."""
    scale = max(0.4, (box[2] - box[0]) / 400)
    x, y = np.clip(box[:2], 0, None).astype(int).tolist()
    _write(image, str(number), (x + 2, y + round(25 * scale)), scale)


def _write(image: ndarray, text: str, corner: tuple[int, int], scale: float) -> None:
    """Write a text with its lower left corner in a place, in white with a dark outline."""
    for colour, thickness in (((0, 0, 0), 3), (_WHITE, 1)):
        cv2.putText(image, text, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, colour,
                    max(1, round(scale)) * thickness, cv2.LINE_AA)


def draw_truth(image: ndarray, keypoints_image: ndarray) -> ndarray:
    """Return a copy of the image with a white cross at each keypoint (K, 2) that is not NaN."""
    drawn, size = image.copy(), max(4, max(image.shape[:2]) // 40)
    for x, y in keypoints_image[np.isfinite(keypoints_image).all(-1)].tolist():
        cv2.drawMarker(drawn, (round(x), round(y)), _WHITE, cv2.MARKER_CROSS, size, 1, cv2.LINE_AA)
    return drawn


def draw_heatmap(image: ndarray, heatmap: ndarray) -> ndarray:
    """Return a copy of the network's input with a heatmap (h, w) over it, from 0 to 1 (bright)."""
    height, width = image.shape[:2]
    level = np.clip(cv2.resize(heatmap.astype(np.float32), (width, height)), 0, 1)[..., None]
    colour = cv2.applyColorMap(np.rint(level * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    cover = np.sqrt(level)              # so that weak peaks are seen, too
    return np.rint(image * 0.6 * (1 - cover) + colour * cover).astype(np.uint8)


def heatmap_sheet(image: ndarray, heatmaps: ndarray, names: Sequence[str], side: int = 192
                  ) -> ndarray:
    """Draw each keypoint's heatmap (K, h, w) over the network's input, with name and peak."""
    tiles = []
    for heatmap, name in zip(heatmaps, names):
        tile = cv2.resize(draw_heatmap(image, heatmap), (side, side))
        draw_note(tile, f"{name.replace('_', ' ')} {heatmap.max():.2f}")
        tiles.append(tile)
    return contact_sheet(tiles, columns=min(6, len(tiles)), side=side)


def contact_sheet(images: Sequence[ndarray], columns: int, side: int = 256) -> ndarray:
    """Shrink images into a grid of squares of ``side`` px: (rows*side, columns*side, 3)."""
    rows = -(-len(images) // columns)
    sheet = np.full((rows * side, columns * side, 3), 40, np.uint8)
    for index, image in enumerate(images):
        factor = side / max(image.shape[:2])
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        top, left = divmod(index, columns)
        sheet[top * side:, left * side:][:small.shape[0], :small.shape[1]] = small
    return sheet


def write_sheet(dataset: PersonDataset, path: str | Path, count: int = 24, columns: int = 6,
                seed: int = 0) -> None:
    """Write a grid of ``count`` random people of a data set, with their skeletons, as an image.

    Raises ``DataError`` for an image that cannot be read, or a file that cannot be written.
    """
    chosen = np.random.default_rng(seed).permutation(len(dataset))[:count]
    cells = []
    for index in chosen.tolist():
        person = dataset.get_data_info(index)
        side = float(person['bbox_scale'][0, 0])
        drawn = draw_skeleton(
            read_image(person['img_path'], person['bits']),
            person['raw_ann_info']['keypoints_image'], dataset.metainfo, side)
        # the crop that the network is given, without what lies outside of the image
        middle, half = person['bbox_center'][0] + 0.5, side / 2
        cells.append(part_of(drawn, np.concatenate([middle - half, middle + half])))
    write_image(path, contact_sheet(cells, columns))


def part_of(image: ndarray, box: ndarray) -> ndarray:
    """Return the part of an image (H, W, 3) in a box (4,), at least a pixel.

    The box is x1, y1, x2, y2 in image px from the image's corner.
    """
    size = np.array(image.shape[1::-1])
    low = np.clip(box[:2], 0, size - 1).astype(int)
    high = np.clip(box[2:4], low + 1, size).astype(int)
    return image[low[1]:high[1], low[0]:high[0]]
