"""The people found in one image."""
from dataclasses import dataclass

from numpy import ndarray


@dataclass
class Poses:
    """P people with K keypoints, from N stages.

    Attributes:
        keypoints: (P, K, 2) x, y in image px, 0-based: 0 is the middle of the first pixel.
        scores: (P, K) heights of the heatmaps' peaks, about 1 where the network is sure.
        boxes: (P, 4) x1, y1, x2, y2 of the crops in image px, from the image's corner.
        whole_image: no box was given, so one person was looked for in the whole image.
        image_size: (w, h).
        heatmaps: (P, K, h, w), on request.
        stage_keypoints: (P, N, K, 2) in image px of every stage, on request.
        stage_heatmaps: (P, N, K, h, w), if both stages and heatmaps were requested.
        inputs: (P, H, W, 3) uint8 BGR, the crops that the network was given, on request.
        probability: (P, K) that each keypoint is correct, by the calibration of the weights, on
            request.
    """

    keypoints: ndarray
    scores: ndarray
    boxes: ndarray
    whole_image: bool
    image_size: tuple[int, int]
    heatmaps: ndarray | None = None
    stage_keypoints: ndarray | None = None
    stage_heatmaps: ndarray | None = None
    inputs: ndarray | None = None
    probability: ndarray | None = None
