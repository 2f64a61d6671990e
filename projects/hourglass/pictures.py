"""Pictures as (H, W, 3) uint8 BGR, wherever they come from."""
import struct
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from PIL import Image, ImageOps

from hourglass.errors import DataError

Picture = str | Path | Image.Image | ndarray      # whatever a user calls a picture

# 1, 2, 4, 8: what libjpeg divides a picture's sides by while it decodes
REDUCTIONS = {
    1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8}


def read_picture(path: str | Path, upright: bool = False) -> ndarray:
    """A picture file as (H, W, 3) uint8 BGR.

    OpenCV makes a half grey picture of a truncated file; this reader refuses it.

    Args:
        path: a file of any format that Pillow reads.
        upright: turn the picture as its EXIF data say, as viewers and ``cv2.imread`` do. Without,
            the pixels are as stored: annotations count these, as Matlab's reader gives them.

    Raises:
        DataError: if the file is missing or broken.
    """
    try:
        with Image.open(path) as picture:
            return _bgr(ImageOps.exif_transpose(picture) if upright else picture)
    except FileNotFoundError:
        raise DataError(f'{path}: no such picture') from None
    except Exception as error:                  # PIL raises a dozen types for a broken file
        raise DataError(f'{path}: not a readable picture ({error}); fetch it again') from None


class PictureFile:
    """A picture file of known size, to be decoded when it is known at what size it is needed.

    The pixels are those of :func:`read_picture`, as stored. A plain JPEG goes through OpenCV, which
    is faster and can decode it smaller: pixel x' of a picture reduced by r covers the pixels
    r x' to r x' + r - 1, ``x = r * (x' + 0.5) - 0.5``. Everything else goes through Pillow, a
    truncated file, too, which it refuses.

    Attributes:
        size: (w, h) of the whole picture in px.

    Raises:
        DataError: as :func:`read_picture` does, here or in :meth:`decode`.
    """

    def __init__(self, path: str | Path):
        self.path = path
        try:
            with open(path, 'rb') as file:
                self._jpeg = file.read()
        except OSError:
            self._jpeg = b''                    # read_picture says what is wrong
        size = _size_of_jpeg(self._jpeg)
        self._picture = read_picture(path) if size is None else None
        self.size = size or self._picture.shape[1::-1]

    def decode(self, reduction: int = 1) -> tuple[ndarray, int]:
        """The picture (ceil(h / r), ceil(w / r), 3) uint8 BGR, and r: ``reduction``, 1, 2, 4 or 8,
        for a plain JPEG, 1 for everything else."""
        if self._picture is not None:
            return self._picture, 1
        picture = cv2.imdecode(np.frombuffer(self._jpeg, np.uint8),
                               REDUCTIONS[reduction] | cv2.IMREAD_IGNORE_ORIENTATION)
        if picture is None:
            return read_picture(self.path), 1
        return picture, reduction


def _size_of_jpeg(data: bytes) -> tuple[int, int] | None:
    """(w, h) of a whole JPEG file with 8 bits of grey or of three colours; None for any other file.

    The marker that ends a JPEG cannot stand inside compressed pixels: a file that ends with it has
    not been cut.
    """
    if not data.startswith(b'\xff\xd8') or not data.endswith(b'\xff\xd9'):
        return None
    at = 2
    while at + 10 <= len(data) and data[at] == 0xff and 0xc0 <= data[at + 1] <= 0xfe:
        if data[at + 1] in (0xc0, 0xc1, 0xc2):      # a frame: baseline, extended or progressive
            bits, height, width, colours = struct.unpack_from('>BHHB', data, at + 4)
            return (width, height) if bits == 8 and colours in (1, 3) and height else None
        at += 2 + int.from_bytes(data[at + 2:at + 4], 'big')
    return None


def write_picture(path: str | Path, picture: ndarray) -> None:
    """A picture (H, W, 3) uint8 BGR as a file of the kind its name ends in; makes the folder.

    Raises:
        DataError: if it cannot be written.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        written = cv2.imwrite(str(path), picture)
    except (OSError, cv2.error):
        written = False
    if not written:
        raise DataError(f'{path}: cannot be written; name a .png or .jpg file in a folder you may '
                        'write to, with free space')


def as_picture(source: Picture) -> ndarray:
    """Any of these as (H, W, 3) uint8 BGR.

    Args:
        source: a path, a Pillow image (both turned upright by their EXIF data), or an array of
            uint8 or uint16: (H, W, 3) BGR as OpenCV reads them, (H, W, 4) BGRA, or (H, W) grey.
            Transparency is left out.

    Raises:
        DataError: if it is none of these, or an array of another type or shape.
    """
    if isinstance(source, str | Path):
        return read_picture(source, upright=True)
    if isinstance(source, Image.Image):
        return _bgr(ImageOps.exif_transpose(source))
    if not isinstance(source, ndarray):
        raise DataError(f'a picture of type {type(source).__name__}: give a path, a Pillow image '
                        'or an array')
    channels = (*source.shape, 1)[2] if source.ndim in (2, 3) else None
    if source.dtype not in (np.uint8, np.uint16) or channels not in (1, 3, 4) or not source.size:
        raise DataError(f'a picture as an array {source.shape} of {source.dtype}: give (H, W, 3) '
                        'BGR, (H, W, 4) BGRA or (H, W) grey of uint8 or uint16')
    if source.dtype == np.uint16:
        source = _eight_bits(source)
    conversion = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}.get(channels)
    return source if conversion is None else cv2.cvtColor(source, conversion)


def _bgr(picture: Image.Image) -> ndarray:
    if picture.mode.startswith('I;16'):         # Pillow would cut all above 255 off
        picture = Image.fromarray(_eight_bits(np.asarray(picture).astype(np.uint16)))
    elif picture.mode in ('I', 'F'):
        raise DataError(f"pixels of mode '{picture.mode}' have no known white; save it with 8 or "
                        '16 bits')
    return cv2.cvtColor(np.asarray(picture.convert('RGB')), cv2.COLOR_RGB2BGR)


def _eight_bits(pixels: ndarray) -> ndarray:
    """uint16, 0 to 65535, to uint8, 0 to 255."""
    return np.rint(pixels / 257).astype(np.uint8)
