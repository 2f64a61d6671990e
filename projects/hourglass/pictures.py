"""Picture files, read the same way everywhere."""
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from PIL import Image

from hourglass.errors import DataError


def read_picture(path: str | Path) -> ndarray:
    """A picture file as (H, W, 3) uint8 BGR, its pixels as stored.

    OpenCV makes a half grey picture of a truncated file; this reader refuses it. An EXIF rotation
    is not applied: annotations count the stored pixels, as Matlab's reader gives them.

    Raises:
        DataError: if the file is missing or broken.
    """
    try:
        with Image.open(path) as picture:
            rgb = np.asarray(picture.convert('RGB'))
    except FileNotFoundError:
        raise DataError(f'{path}: no such picture') from None
    except Exception as error:                  # PIL raises a dozen types for a broken file
        raise DataError(f'{path}: not a readable picture ({error}); fetch it again') from None
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
