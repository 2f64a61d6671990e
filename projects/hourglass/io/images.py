"""Images as (H, W, 3) uint8 BGR, wherever they come from."""
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from PIL import Image, ImageOps

from hourglass.errors import DataError
from hourglass.io.intact import check_image

ImageLike = str | Path | Image.Image | ndarray

# 1, 2, 4, 8: what libjpeg divides an image's sides by while it decodes
REDUCTIONS = {
    1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8}

# programs that Pillow hands to another program: PostScript to Ghostscript, WMF to Windows
_PROGRAMS = ('EPS', 'WMF')


def read_image(path: str | Path, upright: bool = False) -> ndarray:
    """An image file as (H, W, 3) uint8 BGR.

    OpenCV makes a half grey image of a truncated file, and Pillow of one whose middle is missing;
    this reader refuses both (:mod:`hourglass.io.intact`).

    Args:
        path: a file of any format that Pillow reads by itself: no PostScript, no WMF.
        upright: turn the image as its EXIF data say, as viewers and ``cv2.imread`` do. Without,
            the pixels are as stored: annotations count these, as Matlab's reader gives them.

    Raises:
        DataError: if the file is missing, broken, or over Pillow's limit of 179 million pixels.
    """
    try:
        data = Path(path).read_bytes()
        check_image(data)
        with Image.open(BytesIO(data)) as image:
            if image.format in _PROGRAMS:
                raise DataError(f'{image.format} is drawn by other programs, which is not done')
            return _bgr(ImageOps.exif_transpose(image) if upright else image)
    except FileNotFoundError:
        raise DataError(f'{path}: no such image') from None
    except Exception as error:                  # PIL raises a dozen types for a broken file
        raise DataError(f'{path}: not a readable image ({error}); fetch it again') from None


class ImageFile:
    """An image file of known size, to be decoded when it is known at what size it is needed.

    The pixels are those of :func:`read_image`, as stored. A plain JPEG goes through OpenCV, which
    is faster and can decode it smaller: pixel x' of an image reduced by r covers the pixels
    r x' to r x' + r - 1, ``x = r * (x' + 0.5) - 0.5``. Everything else goes through Pillow, a
    truncated file, too, which it refuses.

    Attributes:
        size: (w, h) of the whole image in px.

    Raises:
        DataError: as :func:`read_image` does, here or in :meth:`decode`.
    """

    def __init__(self, path: str | Path):
        self.path = path
        try:
            self._jpeg = Path(path).read_bytes()
            frame = check_image(self._jpeg)
        except (OSError, ValueError):
            frame = None                        # read_image says what is wrong
        plain = (frame is not None and frame.bits == 8 and frame.colours in (1, 3)
                 and frame.end == len(self._jpeg)
                 and 0 < frame.size[0] * frame.size[1] <= 2 * Image.MAX_IMAGE_PIXELS)   # Pillow's
        self._image = None if plain else read_image(path)
        self.size = frame.size if plain else self._image.shape[1::-1]

    def decode(self, reduction: int = 1) -> tuple[ndarray, int]:
        """The image (ceil(h / r), ceil(w / r), 3) uint8 BGR, and r: ``reduction``, 1, 2, 4 or 8,
        for a plain JPEG, 1 for everything else."""
        if self._image is not None:
            return self._image, 1
        try:
            image = cv2.imdecode(np.frombuffer(self._jpeg, np.uint8),
                                   REDUCTIONS[reduction] | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error:
            image = None
        if image is None:
            return read_image(self.path), 1
        return image, reduction


def write_image(path: str | Path, image: ndarray) -> None:
    """An image (H, W, 3) uint8 BGR as a file of the kind its name ends in; makes the folder.

    Raises:
        DataError: if it cannot be written.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        written = cv2.imwrite(str(path), image)
    except (OSError, cv2.error):
        written = False
    if not written:
        raise DataError(f'{path}: cannot be written; name a .png or .jpg file in a folder you may '
                        'write to, with free space')


def as_image(source: ImageLike) -> ndarray:
    """Any of these as (H, W, 3) uint8 BGR.

    Args:
        source: a path, a Pillow image (both turned upright by their EXIF data), or an array of
            uint8 or uint16: (H, W, 3) BGR as OpenCV reads them, (H, W, 4) BGRA, or (H, W) grey.
            Transparency is left out.

    Raises:
        DataError: if it is none of these, or an array of another type or shape.
    """
    if isinstance(source, str | Path):
        return read_image(source, upright=True)
    if isinstance(source, Image.Image):
        return _bgr(ImageOps.exif_transpose(source))
    if not isinstance(source, ndarray):
        raise DataError(f'an image of type {type(source).__name__}: give a path, a Pillow image '
                        'or an array')
    channels = (*source.shape, 1)[2] if source.ndim in (2, 3) else None
    if source.dtype not in (np.uint8, np.uint16) or channels not in (1, 3, 4) or not source.size:
        raise DataError(f'an image as an array {source.shape} of {source.dtype}: give (H, W, 3) '
                        'BGR, (H, W, 4) BGRA or (H, W) grey of uint8 or uint16')
    if source.dtype == np.uint16:
        source = _eight_bits(source)
    conversion = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}.get(channels)
    return source if conversion is None else cv2.cvtColor(source, conversion)


def _bgr(image: Image.Image) -> ndarray:
    if image.mode.startswith('I;16'):         # Pillow would cut all above 255 off
        image = Image.fromarray(_eight_bits(np.asarray(image).astype(np.uint16)))
    elif image.mode in ('I', 'F'):
        raise DataError(f"pixels of mode '{image.mode}' have no known white; save it with 8 or "
                        '16 bits')
    return cv2.cvtColor(np.asarray(image.convert('RGB')), cv2.COLOR_RGB2BGR)


def _eight_bits(pixels: ndarray) -> ndarray:
    """uint16, 0 to 65535, to uint8, 0 to 255."""
    return np.rint(pixels / 257).astype(np.uint8)
