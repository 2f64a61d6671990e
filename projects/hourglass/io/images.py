"""Images of any source as (H, W, 3) uint8 BGR."""
from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import IO, Union

import cv2
import numpy as np
from numpy import ndarray
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError, features
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile
from simplejpeg import decode_jpeg, decode_jpeg_header

from hourglass.errors import DataError, words_of
from hourglass.io.files import named_errors, not_written


@dataclass
class StoredImage:
    """An image file whose pixels are read when, and in the size in which, they are needed.

    ``bits`` is as for :func:`as_image`. Errors are those of :func:`read_image`.
    """

    path: str | Path
    bits: int | None = None
    _whole: ndarray | None = field(default=None, init=False, repr=False)

    @cached_property
    def size(self) -> tuple[int, int]:
        """(w, h) of the upright image in px."""
        return image_size(self.path)

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels that are kept."""
        return 0 if self._whole is None else self._whole.nbytes

    def read(self, reduction: int = 1) -> tuple[ndarray, tuple[int, int], int]:
        """Read the image as :func:`read_reduced`; pixels that are not reduced are kept."""
        if self._whole is not None and reduction == 1:
            return self._whole, self.size, 1
        pixels, size, reduction = read_reduced(self.path, reduction, self.bits)
        if reduction == 1:
            self._whole = pixels
        return pixels, size, reduction


ImageLike = Union[str, Path, StoredImage, Image.Image, ndarray]

JPEG_SIDE = 65_500                      # px at most, libjpeg's JPEG_MAX_DIMENSION
# suffixes of the files that write_image writes
WRITABLE = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
REDUCTIONS = (1, 2, 4, 8)               # of the sides of a JPEG while libjpeg decodes it

_DEEP = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION

_LOOKED_AT = 32                         # images of a set, for the range of its values
_STUBS = 'BUFR', 'GRIB', 'HDF5'         # Pillow recognises them, and reads none
_PROGRAMS = ('EPS', 'WMF')              # Pillow hands them to Ghostscript and to Windows
_PNG_END = b'\0\0\0\0IEND\xaeB`\x82'    # the only part of a PNG that Pillow does not verify
_JPEG, _TAGS = b'\xff\xd8', b'\xff\xe1'  # the start, and that of EXIF and XMP data
_SMALL = 16                             # px: fractions of a side may round to the same number
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0       # tags of a TIFF, and a value
_PLAIN = ('Gray', 'YCbCr', 'RGB')       # colours of JPEGs, but for those of printers


def read_image(path: str | Path, bits: int | None = None) -> ndarray:
    """Read an image file of any format that Pillow decodes itself as (H, W, 3) uint8 BGR, upright.

    It is turned as its EXIF data say, like annotation tools and ``cv2.imread`` do. ``bits`` is as
    for :func:`as_image`. Raises ``DataError`` if the file is missing, over Pillow's limit of 179
    million pixels, or damaged, as far as its format and libjpeg can tell.
    """
    return read_reduced(path, 1, bits)[0]


def image_suffixes() -> set[str]:
    """Return the suffixes of images that can be read, with those that need a plugin of Pillow's."""
    read = {suffix for suffix, kind in Image.registered_extensions().items()
            if kind in Image.OPEN and kind not in (*_PROGRAMS, *_STUBS)}
    return {*read, '.avif', '.heic', '.heif', '.hif'}


def prepare_plugin(head: bytes) -> None:
    """Let Pillow read HEIC if a file begins so; a missing plugin, or AVIF's, is a ``DataError``."""
    if head[4:12] in (b'ftypavif', b'ftypavis') and not features.check('avif'):
        raise DataError('AVIF needs Pillow 11.3 or later: pip install --upgrade pillow')
    if head[4:11] in (b'ftyphei', b'ftyphev', b'ftypmif', b'ftypmsf'):
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            raise DataError('HEIC needs pillow-heif (the extra heic): pip install pillow-heif'
                            ) from None
        register_heif_opener()


def read_reduced(path: str | Path, reduction: int, bits: int | None = None
                 ) -> tuple[ndarray, tuple[int, int], int]:
    """Read an image that may be reduced: (ceil(h / r), ceil(w / r), 3) uint8 BGR, (w, h), and r.

    Pixels and errors are those of :func:`read_image`. libjpeg can reduce by the given r of 1, 2, 4
    or 8 while it decodes; for other formats r is 1. Pixel x' covers the pixels r x' to
    r x' + r - 1, so ``x = r * (x' + 0.5) - 0.5``.
    """
    pixels, size, reduction = _decode(path, reduction)
    try:
        return as_image(pixels, bits), size, reduction
    except DataError as error:
        raise DataError(f'{path}: {error}') from None


def image_size(path: str | Path) -> tuple[int, int]:
    """Read (w, h) of the upright image in px from the header of its file.

    Raises ``DataError`` if the file is missing or no image.
    """
    with named_errors(path, 'not a readable image', missing='no such image'), \
            open(path, 'rb') as file:
        head = file.read(12)
        prepare_plugin(head)
        file.seek(0)
        # Image.open would warn of a large JPEG
        with JpegImageFile(file) if head.startswith(_JPEG) else _opened(file) as image:
            # Pillow has turned the size of a TIFF, in some releases
            size = ((image.tag_v2[ExifTags.Base.ImageWidth],
                     image.tag_v2[ExifTags.Base.ImageLength])
                    if isinstance(image, TiffImageFile) else image.size)
            return _turned_size(size, _orientation(image))


def size_of(image: ImageLike) -> tuple[int, int]:
    """Return (w, h) of an image of any type in px; that of a file is read from its header."""
    if isinstance(image, StoredImage):
        return image.size
    if isinstance(image, (str, Path)):
        return image_size(image)
    height, width = as_image(image).shape[:2]
    return width, height


def find_bits(paths: Sequence[Path]) -> int | None:
    """Return how many bits the values of a set's images of 16 bits need: 8, 10, 12, 14 or 16.

    Up to 32 images, spread over the set, are looked at, so that all are scaled alike; a warning
    says how if it is less than 16 bits. None if no image has 16.
    """
    bits = 0
    for path in paths[::max(1, -(-len(paths) // _LOOKED_AT))]:
        # reading an image raises the error of a broken one
        with suppress(DataError, OSError, ValueError), open(path, 'rb') as file, \
                _opened(file) as image:
            if _is_deep(image):
                bits = max(bits, _bits_needed(_decode(path)[0]))
    if 0 < bits < 16:
        warnings.warn(f'images of 16 bits have values of {bits} bits: 0 to {2**bits - 1} becomes 0 '
                      'to 255 in all of them, unless the option bits says otherwise', stacklevel=2)
    return bits or None


def write_image(path: str | Path, image: ndarray) -> None:
    """Write an image (H, W, 3) uint8 BGR in the format of the file's suffix; makes its folder.

    Raises ``DataError`` if it cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(cv2.error):           # cv2.imwrite takes not every name
            known, content = cv2.imencode(path.suffix, image)
            if known:
                path.write_bytes(content.tobytes())
                return
    except OSError as error:
        raise not_written(path, error) from None
    height, width = image.shape[:2]
    raise DataError(f'{path}: {width}x{height} px cannot be written in this format; name '
                    f'a .jpg file, or a .png file for sides of more than {JPEG_SIDE:,} px')


def as_image(source: ImageLike, bits: int | None = None) -> ndarray:
    """Convert an image of any type to (H, W, 3) uint8 BGR, without transparency.

    The source is a file, a Pillow image (both turned upright by their EXIF data), or an array of
    uint8 or uint16: (H, W, 3) BGR as OpenCV reads them, (H, W, 4) BGRA, or (H, W) grey. Values of
    16 bits are scaled from the range of ``bits``; by default that of 8, 10, 12, 14 or 16, the
    smallest that holds those of this image, and a warning says so if it is not 16. Larger values,
    and anything else, raise ``DataError``.
    """
    if isinstance(source, (str, Path)):
        return read_image(source, bits)
    if isinstance(source, StoredImage):
        return source.read()[0]         # by the bits of its own
    if isinstance(source, Image.Image):
        try:
            source = _pixels(ImageOps.exif_transpose(source))
        except DataError:
            raise
        except (OSError, ValueError, SyntaxError) as error:     # as Pillow raises while it decodes
            raise DataError(f'a Pillow image that cannot be decoded: {words_of(error)}') from None
    if not isinstance(source, ndarray):
        raise DataError(f'an image of type {type(source).__name__}: give a path, a Pillow image '
                        'or an array')
    channels = (*source.shape, 1)[2] if source.ndim in (2, 3) else 0
    if source.dtype not in (np.uint8, np.uint16) or channels not in (1, 3, 4) or not source.size:
        raise DataError(f'an image as an array {source.shape} of {source.dtype}: give (H, W, 3) '
                        'BGR, (H, W, 4) BGRA or (H, W) grey of uint8 or uint16')
    if source.dtype == np.uint16:
        source = _to_eight_bits(source, bits)
    if channels == 3:
        return source
    return cv2.cvtColor(source, cv2.COLOR_GRAY2BGR if channels == 1 else cv2.COLOR_BGRA2BGR)


def _orientation(image: Image.Image) -> int:
    """Return how the image is to be turned, 1 (not at all) to 8, without decoding it."""
    if image.format == 'PNG' and 'exif' not in image.info:
        return 1                        # Pillow would decode the pixels to look behind them
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation if orientation in range(1, 9) else 1


def _turned(pixels: ndarray, orientation: int) -> ndarray:
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return size[::-1] if orientation >= 5 else size         # by a quarter


def _decode(path: str | Path, reduction: int = 1) -> tuple[ndarray, tuple[int, int], int]:
    """Read upright pixels, the (w, h) of the image, and by how much it is reduced.

    The pixels are (h, w, 3) uint8 BGR, or uint16 BGR or (h, w) grey.
    """
    with named_errors(path, 'not a readable image', missing='no such image'):
        data = Path(path).read_bytes()
        if data.startswith(_JPEG):
            height, width, colours, _ = decode_jpeg_header(data)
            limit = 2 * (Image.MAX_IMAGE_PIXELS or np.inf)      # None is none
            if colours in _PLAIN and 0 < width * height <= limit:
                orientation = _orientation(Image.open(BytesIO(data))) if _TAGS in data else 1
                if min(width, height) < _SMALL or (
                        orientation > 1 and (width % reduction or height % reduction)):
                    reduction = 1       # turned, narrower pixels at the end could come first
                pixels = decode_jpeg(data, 'BGR', min_height=-(-height // reduction),
                                     min_width=-(-width // reduction))      # raises for damage
                return (_turned(pixels, orientation), _turned_size((width, height), orientation),
                        reduction)
        prepare_plugin(data)
        _opened(BytesIO(data)).verify()         # checksums; it has to be opened again after that
        with _opened(BytesIO(data)) as image:
            if image.format in _PROGRAMS:
                raise ValueError(f'{image.format} is drawn by other programs, which are not run')
            if image.format == 'PNG' and _PNG_END not in data:
                raise ValueError('its end is missing')
            if image.format == 'JPEG':          # of a printer's colours
                decode_jpeg(data, 'CMYK')
            pixels = _turned(*_stored(image, data))
            return pixels, (pixels.shape[1], pixels.shape[0]), 1


def _opened(file: IO[bytes]) -> Image.Image:
    """Open an image without decoding it, or raise an error that does not name the object."""
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        raise ValueError('of no format that Pillow knows') from None
    except Image.DecompressionBombError:
        raise DataError('it has more than 179 million pixels; make it smaller') from None


def _stored(image: ImageFile.ImageFile, data: bytes) -> tuple[ndarray, int]:
    """Return the pixels of an image that is open, and how they have yet to be turned."""
    orientation = _orientation(image)
    if not image.mode.startswith('I;16') and _is_deep(image):
        # three colours of 16 bits, of which Pillow would take the upper bytes; or a PGM whose white
        # is not 65535
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), _DEEP)
        if pixels is not None and pixels.dtype == np.uint16:
            # OpenCV has turned a TIFF
            return pixels, 1 if isinstance(image, TiffImageFile) else orientation
    pixels = _pixels(image)
    # so has Pillow, in some releases, which then say that nothing is left to turn
    return pixels, _orientation(image) if isinstance(image, TiffImageFile) else orientation


def _is_deep(image: ImageFile.ImageFile) -> bool:
    """Return whether an image that is open has 16 bits for a value."""
    return ';16' in f'{image.mode} {image.tile}' or (image.format, image.mode) == ('PPM', 'I')


def _pixels(image: Image.Image) -> ndarray:
    """Return (H, W, 3) uint8 BGR, or (H, W) uint16 of a grey image of 16 bits."""
    if image.mode.startswith('I;16'):         # Pillow would clip all values above 255
        pixels = np.asarray(image).astype(np.uint16)
        if isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            return 2**image.tag_v2[_BITS][0] - 1 - pixels       # Pillow inverts those of 8 bits
        return pixels
    if image.mode in ('I', 'F'):
        raise DataError(f"pixels of mode '{image.mode}' have no known white; save it with 8 or "
                        '16 bits')
    return cv2.cvtColor(np.asarray(image.convert('RGB')), cv2.COLOR_RGB2BGR)


def _bits_needed(pixels: ndarray) -> int:
    return next(bits for bits in (8, 10, 12, 14, 16) if pixels.max() < 2**bits)


def _to_eight_bits(pixels: ndarray, bits: int | None) -> ndarray:
    """Scale uint16 to uint8: the range of as many bits becomes 0 to 255."""
    needed = _bits_needed(pixels)
    if bits is None and needed < 16:
        warnings.warn(f'an image with 16 bits for a value has values of {needed} bits: 0 to '
                      f'{2**needed - 1} becomes 0 to 255', stacklevel=3)
    bits = bits or needed
    if pixels.max() >= 2**bits:
        raise DataError(f'values up to {pixels.max()}, and {bits} bits end at {2**bits - 1}, as '
                        f'the option bits or other images say; give bits={needed} for all')
    return np.rint(pixels * (255 / (2**bits - 1))).astype(np.uint8)

