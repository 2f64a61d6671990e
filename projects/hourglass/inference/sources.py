"""Where images come from: files, folders, patterns, videos, streams and cameras."""
from __future__ import annotations

import glob
import logging
import math
import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from urllib.parse import urlsplit

import cv2

from hourglass.errors import ConfigError, DataError
from hourglass.inference.places import Request
from hourglass.io.files import not_written
from hourglass.io.images import StoredImage, find_bits, image_suffixes
from hourglass.io.tables import counted
from hourglass.io.video import VIDEOS, Animation, Frame, Video

_RESULTS = ('overlays', 'heatmaps', 'crops')      # folders beside predictions.json
_MARK = '.hourglass'                    # a file in a folder that a prediction writes to


class ImageFiles:
    """Images and videos of a file, of a folder and its subfolders, or of a pattern (``'a/*.jpg'``).

    Images are turned upright, and named by their path below the folder; 10 comes after 9.
    ``paths`` has the files by name. Videos and animated images give frames, as :class:`Frames`.
    ``ignored`` counts files without a name of an image or a video. What an earlier prediction wrote
    below the folder is no input. Links to folders are not followed, and logged. Raises
    ``DataError`` if there is nothing.

    With ``fps``, the images of each folder are the frames of one video, so many in a second.
    ``bits`` is as for :func:`hourglass.io.images.as_image`, by default what
    :func:`.images.find_bits` finds in all images. The attribute ``animated`` may be set to False,
    to take only the first frame of animated images.
    """

    def __init__(self, source: str, fps: float | None = None, bits: int | None = None):
        path = Path(source).expanduser()
        root, found = path.parent, [path]
        if path.is_dir():
            root, found = path, sorted(path.rglob('*'), key=_by_number)
            for link in found:
                if link.is_symlink() and link.is_dir():
                    logging.getLogger(__name__).warning(
                        '%s: a link to a folder, whose images are left out; a pattern, as '
                        "'%s/**/*.jpg', takes them", link, source)
        elif not path.is_file():            # the folders of a pattern before its first wildcard
            root = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts[:-1]))
            found = sorted(map(Path, glob.glob(str(path), recursive=True)), key=_by_number)
        # a link to nothing is reported as a missing image
        files = [file for file in found if not _is_result(file, root) and (
            file.is_file() or (file.is_symlink() and not file.exists()))]
        if fps:                             # one folder after another, first its frames
            files.sort(key=lambda file: (
                file.parent, _is_video(file.name) or Animation.recognises(file)))
        known = {*image_suffixes(), *VIDEOS}
        self.paths = {file.relative_to(root).as_posix(): file for file in files
                      if not path.is_dir() or file.suffix.lower() in known}
        self.root, self.fps, self.animated = root.resolve(), fps, True
        self.ignored = len(files) - len(self.paths)
        if not self.paths:
            what = f"{counted(self.ignored, 'file')} and no image" if self.ignored else 'no image'
            raise DataError(f'{source}: {what}; give an image, a folder, a pattern in quotes, a '
                            'video, its address, or the number of a camera')
        self.bits = bits or find_bits(
            [path for name, path in self.paths.items() if not _is_video(name)])

    def __iter__(self) -> Iterator[Request]:
        numbers: Counter[str] = Counter()
        for name, path in self.paths.items():
            try:
                if _is_video(name):
                    yield from _requests(name, Video(path))
                elif self.animated and Animation.recognises(path):
                    yield from _requests(name, Animation(path))
                else:
                    request = Request(StoredImage(path, self.bits), name)
                    if self.fps:
                        request.video = Path(self.root.name, name).parent.as_posix()
                        request.time = numbers[request.video] / self.fps
                        numbers[request.video] += 1
                    yield request
            except DataError as error:
                yield Request(error, name)

    @property
    def videos(self) -> list[str]:
        """Names of the files that are videos."""
        return list(filter(_is_video, self.paths))

    @property
    def is_still(self) -> bool:
        """Whether nothing moves: no video, no animated image, and images that are no frames."""
        return not (self.fps or self.videos or any(map(Animation.recognises, self.paths.values())))

    @property
    def count(self) -> int | None:
        """Number of images, if no video is among them."""
        return None if self.videos else len(self.paths)

    def keep(self, names: Collection[str]) -> None:
        """Leave out all other images."""
        kept = set(names)
        self.paths = {name: path for name, path in self.paths.items() if name in kept}


def _is_result(file: Path, root: Path) -> bool:
    """Return whether a file lies in a folder of results below ``root``."""
    return any(folder.name in _RESULTS and any(
        (folder.parent / name).exists() for name in (_MARK, 'predictions.json', 'journal'))
               for folder in takewhile(lambda folder: folder != root, file.parents))


def mark_results(folder: Path) -> None:
    """Make a folder for results, which are no input, even if this process is killed.

    Raises ``DataError`` if it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()
    except OSError as error:
        raise not_written(folder, error) from None


@dataclass
class Frames:
    """The frames of one video; number 3 of ``film.mp4`` is ``film.mp4/3``, and they count from 0.

    A problem is a request with a ``DataError``, after the frames before it.
    """

    name: str
    frames: Video | Camera
    ignored = 0
    is_still = False

    def __iter__(self) -> Iterator[Request]:
        return _requests(self.name, self.frames)

    @property
    def count(self) -> int | None:
        """Number of frames, if it is known."""
        return self.frames.count


class Camera:
    """The frames of a camera by its number, by OpenCV; ``DataError`` if it cannot be opened."""

    count = None

    def __init__(self, number: int):
        self.capture = cv2.VideoCapture(number)
        if not self.capture.isOpened():
            raise DataError(f'camera {number}: not there, or in use')

    def __iter__(self) -> Iterator[Frame]:
        start = time.monotonic()
        while (frame := self.capture.read())[0]:
            yield Frame(frame[1], time.monotonic() - start)
        self.capture.release()


def open_source(source: str, fps: float | None = None, bits: int | None = None
                ) -> ImageFiles | Frames:
    """Open the images that INPUT of a command line names; a number is a camera if it is no path.

    ``fps`` and ``bits`` are for :class:`ImageFiles`. Raises ``ConfigError`` for ``fps`` of anything
    else, and ``DataError`` for what cannot be opened.
    """
    path = Path(source).expanduser()
    try:
        address = urlsplit(source)
    except ValueError as error:
        raise ConfigError(f'{source}: no address ({error})') from None
    if fps is not None and not 0 < fps < math.inf:
        raise ConfigError(f'fps={fps}: give a rate above 0')
    is_camera = source.isdecimal() and not path.exists()
    is_address = address.scheme and address.netloc      # a path may begin with two slashes
    if fps and (is_camera or is_address or _is_video(source)):
        raise ConfigError(f'fps={fps}: is for folders of images; {source} has its own times')
    if is_camera:
        return Frames(f'camera{source}', Camera(int(source)))
    if is_address:
        return Frames(Path(address.path).name or str(address.hostname), Video(source))
    if _is_video(source) and (path.is_file() or not glob.has_magic(source)):
        return Frames(path.name, Video(path))
    return ImageFiles(source, fps, bits)


def _requests(name: str, frames: Iterable[Frame]) -> Iterator[Request]:
    number = 0
    try:
        for image, seconds in frames:
            yield Request(image, f'{name}/{number}', video=name, time=seconds)
            number += 1
    except DataError as error:
        yield Request(error, f'{name}/{number}')


def _is_video(name: str) -> bool:
    return name.lower().endswith(VIDEOS)


def _by_number(path: Path) -> list[str | int]:
    """Return a key that sorts 10 after 9."""
    return [int(part) if part.isdecimal() else part
            for part in re.split(r'(\d+)', path.as_posix())]
