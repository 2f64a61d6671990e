"""Square crops: where they lie around a person, and the way back into the image."""
import math
from collections.abc import Mapping

import numpy as np
from numpy import ndarray


def crop_around(box: ndarray, image_size: tuple[int, int], padding: float = 1.25
                ) -> tuple[ndarray, float]:
    """The square that shows a person with something around, as the data sets' crops do.

    Args:
        box: (4,) x1, y1, x2, y2 around the person, from the image's corner: (0, 0, w, h) is all.
        image_size: (w, h). A box of the whole image is no person's outline, and is not widened.
        padding: the square's side in the box's longer side. 1.25 is the authors' for MPII, and
            mmpose's.

    Returns:
        The middle (2,) and the side, image px, where 0 is the middle of the first pixel.
    """
    corners = np.asarray(box, float).reshape(2, 2)
    whole = (corners[0] <= 0).all() and (corners[1] >= image_size).all()
    return corners.mean(0) - 0.5, float(np.ptp(corners, axis=0).max()) * (1 if whole else padding)


def crop_matrix(center: ndarray, scale: ndarray, degrees: float, input_size: tuple[int, int]
                ) -> ndarray:
    """The way of mmpose's ``TopdownAffine`` into a crop, (2, 3) float64: image px to input px.

    Args:
        center: (2,) x, y in image px; goes to half the input's size.
        scale: (2,) sides of the crop in image px, in the input's proportion.
        degrees: how far the crop is turned in the image.
        input_size: (w, h) in px.
    """
    angle = math.radians(degrees)
    zoom = input_size[0] / float(scale[0])
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    x, y = float(center[0]), float(center[1])
    return np.array([[cos, sin, input_size[0] / 2 - cos * x - sin * y],
                     [-sin, cos, input_size[1] / 2 + sin * x - cos * y]])


def to_image(keypoints_input: ndarray, sample: Mapping) -> ndarray:
    """Keypoints (..., K, 2) from input px to image px, as mmpose's estimator moves its prediction.

    Args:
        sample: a sample's metainfo, with the crop's ``input_size`` (w, h), its ``input_scale``,
            sides in image px, and its ``input_center``.
    """
    scale = np.asarray(sample['input_scale'])
    return keypoints_input / sample['input_size'] * scale + sample['input_center'] - 0.5 * scale
