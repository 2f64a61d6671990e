"""Videos and animated images: their frames with times, and files in H.264."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy import ndarray
from PIL import Image, ImageSequence

from hourglass.errors import DataError
from hourglass.io.files import named_errors, not_written
from hourglass.io.images import as_image

VIDEOS = ('.3gp', '.avi', '.flv', '.m2ts', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.mts',
          '.ogv', '.ts', '.webm', '.wmv')
_ANIMATED = ('GIF', 'WEBP', 'PNG', 'AVIF')      # Pillow sees the pages of a TIFF as frames, too
_TIMEOUT = 20                           # s; of a server that does not answer
_LEAST, _DEFAULT = 0.02, 0.1            # s; browsers show shorter frames of a GIF for the default
_TIME_BASE = Fraction(1, 60_000)        # s; a multiple of the usual rates; MPEG-4 ends at 65,535
_SHOWN = Fraction(1, 25)                # s; of a last frame without another before it


class Frame(NamedTuple):
    """A frame of a video."""

    image: ndarray                      # (H, W, 3) uint8 BGR, upright
    time: float                         # s after the first frame; it increases


class Video:
    """The frames of a video file or of a stream's address, upright, by PyAV.

    ``count`` is their number as the file states it, or None. Raises ``DataError`` if it cannot be
    opened, and, after the frames that could be read, if it is damaged or ends early.
    """

    def __init__(self, source: str | Path):
        self.source, self.av = str(source), _pyav(source)
        try:
            self.container = self.av.open(self.source, timeout=_TIMEOUT)
        except FileNotFoundError:
            raise DataError(f'{source}: no such video; check its path') from None
        except (self.av.FFmpegError, ValueError) as error:
            raise DataError(f'{source}: not a readable video ({_reason(error)}); fetch it again, '
                            'or convert it to mp4') from None
        if not self.container.streams.video:
            self.container.close()
            raise DataError(f'{source}: has no frames')
        self.stream = self.container.streams.video[0]
        self.count = self.stream.frames or None

    def __iter__(self) -> Iterator[Frame]:
        rate = float(self.stream.average_rate or 25)
        first, time, end, number, reason = None, -1 / rate, 0.0, 0, ''
        with self.container:
            try:
                for packet in self.container.demux(self.stream):
                    if packet.is_corrupt:
                        raise ValueError('a part is missing')
                    for frame in packet.decode():
                        if frame.is_corrupt:
                            raise ValueError('a part is missing')
                        if first is None:
                            first = frame.time or 0.0
                        stated = -1.0 if frame.time is None else frame.time - first
                        # some raw streams state no time, and edited ones may go back
                        time = stated if stated > time else time + 1 / rate
                        end = time + float((frame.duration or 0) * frame.time_base or 1 / rate)
                        pixels = frame.to_ndarray(format='bgr24')
                        yield Frame(_upright(pixels, frame.side_data.get('DISPLAYMATRIX')), time)
                        number += 1
            except (self.av.FFmpegError, ValueError) as error:
                reason = _reason(error)
            length = self._length()
        if not reason and end < 0.9 * length - 1:           # sound may last a bit longer
            reason = f'it states {length:.1f} s'
        if reason:
            raise DataError(f'{self.source}: damaged or cut off after {number} frames, '
                            f'{end:.1f} s ({reason}); '
                            + ('they are used' if number else 'fetch it again'))

    def _length(self) -> float:
        """Return the length in s that the file states, or 0."""
        if self.stream.duration:
            return float(self.stream.duration * self.stream.time_base)
        return (self.container.duration or 0) / self.av.time_base


class Animation:
    """The frames of an animated GIF, WebP, PNG or AVIF, as :class:`Video` gives them."""

    def __init__(self, path: str | Path):
        self.path = path

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether a file is an image of several frames; False for one that cannot be read."""
        try:
            with Image.open(path, formats=_ANIMATED) as image:
                return getattr(image, 'is_animated', False)
        except Exception:               # Pillow raises a dozen types; read_image reports them
            return False

    def __iter__(self) -> Iterator[Frame]:
        time = 0.0
        with named_errors(self.path, 'damaged or cut off', 'the frames before it are used'), \
                Image.open(self.path) as image:
            # a PNG may begin with a still for programs that show no animation
            still = int(getattr(image, 'default_image', False))
            for frame in islice(ImageSequence.Iterator(image), still, None):
                yield Frame(as_image(frame), time)
                duration = frame.info.get('duration', 0) / 1000
                time += duration if duration >= _LEAST else _DEFAULT


class VideoWriter:
    """Writes frames (H, W, 3) uint8 BGR with their times as H.264 in an ``.mp4`` file.

    Where FFmpeg has no encoder of H.264, it is MPEG-4, which browsers do not play. A frame of
    another size than the first is stretched to it, and an odd side gets one more px. Raises
    ``DataError`` if the file cannot be written.
    """

    def __init__(self, path: Path):
        self.path, self.av, self.last = path, _pyav(path), -1
        self.shown = int(_SHOWN / _TIME_BASE)       # how long the last frame is
        self.stream: Any = None             # opened with the size of the first frame
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            # with its index at the start, it plays while it is loaded
            self.container = self.av.open(str(path), 'w',
                                          container_options={'movflags': 'faststart'})

    def write(self, image: ndarray, time: float) -> None:
        """Add a frame, ``time`` s after the first; times increase."""
        height, width = image.shape[:2]
        image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        with self._errors():
            if self.stream is None:
                codec = next(name for name in ('libx264', 'libopenh264', 'mpeg4')
                             if name in self.av.codecs_available)
                self.stream = self.container.add_stream(codec)
                self.stream.width, self.stream.height = image.shape[1::-1]
                self.stream.pix_fmt = 'yuv420p'         # what every player knows
                self.stream.codec_context.time_base = _TIME_BASE
            frame = self.av.VideoFrame.from_ndarray(image, format='bgr24').reformat(
                self.stream.width, self.stream.height, 'yuv420p')
            frame.pts = max(round(time / _TIME_BASE), self.last + 1)
            if self.last >= 0:
                self.shown = frame.pts - self.last
            self.last = frame.pts
            frame.time_base = _TIME_BASE
            self.container.mux(self.stream.encode(frame))

    def close(self) -> None:
        with self._errors(), self.container:
            for packet in self.stream.encode() if self.stream else ():
                if packet.pts == self.last:
                    packet.duration = self.shown    # otherwise players may leave the frame out
                self.container.mux(packet)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (self.av.FFmpegError, OSError) as error:
            raise not_written(self.path, error) from None


def _pyav(path: str | Path) -> Any:
    try:
        import av
    except ImportError:
        raise DataError(f'{path}: videos need PyAV (the extra video); pip install av') from None
    return av


def _reason(error: Exception) -> str:
    return getattr(error, 'strerror', None) or str(error)


def _upright(pixels: ndarray, matrix: Any) -> ndarray:
    """Turn and mirror a frame as the matrix in its file says, a buffer of nine int32, or None."""
    if matrix is None:
        return pixels
    x_to_x, x_to_y, _, y_to_x, y_to_y, *_ = np.frombuffer(matrix, np.int32).tolist()
    if abs(x_to_x) < abs(x_to_y):               # by a quarter
        pixels, x_to_x, y_to_y = pixels.swapaxes(0, 1), y_to_x, x_to_y
    return np.ascontiguousarray(pixels[::-1 if y_to_y < 0 else 1, ::-1 if x_to_x < 0 else 1])
