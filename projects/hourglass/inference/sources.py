"""Where images come from: a file, a folder, a pattern, a video or a camera."""
import glob
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
from numpy import ndarray
from PIL import Image

from hourglass.errors import DataError
from hourglass.io.images import read_image

_VIDEOS = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv')


@dataclass
class SourceImage:
    """An image of a source.

    Attributes:
        name: the file's name below the source's folder, or the frame's number, from 0.
        image: (H, W, 3) uint8 BGR, upright; or the error that names the file and why it cannot be
            read.
    """

    name: str
    image: ndarray | DataError


class ImageFiles:
    """Images of a file, of a folder and its subfolders, or of a pattern such as ``'a/*.jpg'``.

    Attributes:
        count: number of images.
        ignored: number of files in a folder that have no name of an image.
        fps: None.

    Raises:
        DataError: if there is no image.
    """

    fps = None

    def __init__(self, source: str):
        path = Path(source).expanduser()
        known = set(Image.registered_extensions())
        if path.is_file():
            self.root, files = path.parent, [path]
        elif path.is_dir():
            self.root, files = path, [file for file in sorted(path.rglob('*')) if file.is_file()]
        else:
            files = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))
                     if Path(name).is_file()]
            self.root = _fixed_part(path)
        self.paths = [file for file in files if not path.is_dir() or file.suffix.lower() in known]
        self.count, self.ignored = len(self.paths), len(files) - len(self.paths)
        if not self.paths:
            what = f'{self.ignored} files and no image' if self.ignored else 'no image'
            raise DataError(f'{source}: {what}; give an image, a folder, a pattern in quotes, a '
                            'video, or the number of a camera')

    def __iter__(self) -> Iterator[SourceImage]:
        for path in self.paths:
            try:
                yield SourceImage(self._name(path), read_image(path, upright=True))
            except DataError as error:
                yield SourceImage(self._name(path), error)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def stamps(self) -> dict[str, list[int]]:
        """Size and modification time of every image's file, by its name."""
        return {self._name(path): [path.stat().st_size, path.stat().st_mtime_ns]
                for path in self.paths}

    def keep(self, names: Collection[str]) -> None:
        """Leave out all other images."""
        self.paths = [path for path in self.paths if self._name(path) in names]
        self.count = len(self.paths)


def _fixed_part(pattern: Path) -> Path:
    """The folders of a pattern before its first wildcard."""
    fixed = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


class Frames:
    """The frames of a video file or of a camera.

    Attributes:
        count: number of frames, as the file states it; None for a camera.
        ignored: 0.
        fps: frames per second.

    Raises:
        DataError: if it cannot be opened.
    """

    ignored = 0

    def __init__(self, source: str):
        self.source, camera = source, source.isdecimal()
        self.capture = cv2.VideoCapture(int(source) if camera else source)
        if not self.capture.isOpened():
            raise DataError(f'camera {source}: not there, or in use' if camera else
                            f'{source}: not a readable video; fetch it again, or convert it to mp4')
        stated = int(self.capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.count = None if camera or stated <= 0 else stated
        self.fps = self.capture.get(cv2.CAP_PROP_FPS) or 25.0      # a camera may not state it

    def __iter__(self) -> Iterator[SourceImage]:
        number = 0
        while True:
            found, image = self.capture.read()
            if not found:
                break
            yield SourceImage(str(number), image)
            number += 1
        self.capture.release()
        if self.count is not None and number < self.count:
            yield SourceImage(str(number), DataError(
                f'{self.source}: breaks off after {number} of {self.count} frames'))


def open_source(source: str) -> ImageFiles | Frames:
    """Open the images that INPUT of a command line names; a number is a camera.

    Raises:
        DataError: if there is nothing to read.
    """
    if source.isdecimal():
        return Frames(source)
    if source.lower().endswith(_VIDEOS):
        path = Path(source).expanduser()
        if not path.is_file():
            raise DataError(f'{source}: no such video')
        return Frames(str(path))
    return ImageFiles(source)
