"""Uploaded files: an image for the network, or what a browser shows of one and of a video."""
from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import cv2
from numpy import ndarray
from PIL import Image, features
from werkzeug.datastructures import FileStorage

from hourglass.errors import DataError
from hourglass.io.images import JPEG_SIDE, as_image, prepare_plugin
from hourglass.io.video import Video

# formats that browsers and telephones write; Pillow reads more, some with other programs
FORMATS = ('JPEG', 'PNG', 'WEBP', 'GIF', 'BMP', *(['AVIF'] if features.check('avif') else []),
           *(['HEIF'] if find_spec('pillow_heif') else []))
MAX_MEGAPIXELS = 50                     # 150 MB when decoded
MAX_FRAMES = 60                         # of a video; about 10 MB
_MOST_PIXELS, _MOST_SECONDS = 4e9, 60   # of all frames that are decoded, and the time for it
_SIDE = 1280                            # px, of a frame


def read_upload(upload: FileStorage | None) -> ndarray:
    """Read the image of a request as (H, W, 3) uint8 BGR, upright.

    Raises ``DataError`` if no file was uploaded, or it is not a readable image, or too large.
    """
    return _as_image(_content(upload))


def read_frames(upload: FileStorage | None, seconds: float
                ) -> tuple[list[tuple[float, bytes]], str | None]:
    """Read what a browser shows of an image or of the first seconds of a video.

    Returns frames, as time in seconds and JPEG file, and a sentence about what is missing. An image
    is one frame; a video has at most :data:`MAX_FRAMES`, evenly spaced, of at most 1280 px. Raises
    ``DataError`` as :func:`read_upload`, or for a video without a readable frame.
    """
    data = _content(upload)
    suffix = _video_suffix(data)
    if suffix is None:
        return [(0.0, _jpeg(_as_image(data)))], None
    frames: list[tuple[float, bytes]] = []
    with TemporaryDirectory() as folder:
        path = Path(folder, f'video{suffix}')
        path.write_bytes(data)
        try:
            missing = _sample(str(path), seconds, frames)
        except DataError as error:              # after the frames before the damage
            missing = str(error).replace(str(path), 'video')
    if not frames:
        raise DataError(missing or 'video: has no frames')
    return frames, missing


def _sample(path: str, seconds: float, frames: list[tuple[float, bytes]]) -> str | None:
    """Fill ``frames`` in one pass: where they become too many, every other one is dropped."""
    video, step = Video(path), 1
    if video.stream.width * video.stream.height > MAX_MEGAPIXELS * 1e6:
        video.container.close()
        raise DataError(f'video: over {MAX_MEGAPIXELS} megapixels; make it smaller')
    pixels, start = 0, monotonic()
    for index, (image, time) in enumerate(video):
        if time >= seconds:
            return f'video: its first {seconds:g} seconds are shown'
        pixels += image.shape[0] * image.shape[1]
        if pixels > _MOST_PIXELS or monotonic() - start > _MOST_SECONDS:
            return f'video: it has so many frames that the first {time:.1f} seconds are shown'
        if index % step == 0:
            frames.append((time, _jpeg(image, _SIDE)))
        if len(frames) > MAX_FRAMES:
            frames[:], step = frames[::2], 2 * step
    return None


def _content(upload: FileStorage | None) -> bytes:
    if not upload:
        raise DataError("image: none given; upload a file in the field 'image'")
    return upload.read()


def _video_suffix(data: bytes) -> str | None:
    """Return the suffix of a video's container, None for any other file.

    The list is short on purpose: playlists, which FFmpeg reads as well, name files and addresses.
    """
    if data[4:8] == b'ftyp' and data[8:11] not in (b'avi', b'hei', b'hev', b'mif', b'msf'):
        return '.mp4'
    if data.startswith(b'\x1aE\xdf\xa3'):
        return '.mkv'                   # and WebM
    return '.avi' if data.startswith(b'RIFF') and data[8:12] == b'AVI ' else None


def _as_image(data: bytes) -> ndarray:
    prepare_plugin(data)
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
        if image.width * image.height > MAX_MEGAPIXELS * 1e6:
            raise Image.DecompressionBombError
        return as_image(image)
    except Image.DecompressionBombError:
        raise DataError(f'image: over {MAX_MEGAPIXELS} megapixels; make it smaller') from None
    except Exception:                   # Pillow raises a dozen types for a broken file
        raise DataError(f"image: not a readable one; give a {', '.join(FORMATS[:-1])} or "
                        f'{FORMATS[-1]} file') from None


def _jpeg(image: ndarray, side: int | None = None) -> bytes:
    """Encode an image; with ``side`` given, one with a longer side is shrunk to it."""
    factor = min(1, side / max(image.shape[:2])) if side else 1
    if factor < 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    if max(image.shape[:2]) > JPEG_SIDE:
        raise DataError(f'image: a side of more than {JPEG_SIDE:,} px; make it smaller')
    return cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
