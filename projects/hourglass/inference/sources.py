"""Where images come from: a file, a folder, a pattern, a video or a camera."""
import glob
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import takewhile
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
        paths: of the images, by their names below the folder of the source.
        ignored: number of files in a folder that have no name of an image.
        fps: None.

    Raises:
        DataError: if there is no image.
    """

    fps = None

    def __init__(self, source: str):
        path = Path(source).expanduser()
        root, found = path.parent, [path]
        if path.is_dir():
            root, found = path, sorted(path.rglob('*'))
        elif not path.is_file():            # the folders of a pattern before its first wildcard
            root = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts[:-1]))
            found = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
        files, known = [file for file in found if file.is_file()], Image.registered_extensions()
        self.paths = {file.relative_to(root).as_posix(): file for file in files
                      if not path.is_dir() or file.suffix.lower() in known}
        self.ignored = len(files) - len(self.paths)
        if not self.paths:
            what = f'{self.ignored} files and no image' if self.ignored else 'no image'
            raise DataError(f'{source}: {what}; give an image, a folder, a pattern in quotes, a '
                            'video, or the number of a camera')

    def __iter__(self) -> Iterator[SourceImage]:
        for name, path in self.paths.items():
            try:
                yield SourceImage(name, read_image(path, upright=True))
            except DataError as error:
                yield SourceImage(name, error)

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.paths)

    def stamps(self) -> dict[str, list[int]]:
        """Return the size and modification time of every image's file, by its name."""
        stats = {name: path.stat() for name, path in self.paths.items()}
        return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}

    def keep(self, names: Collection[str]) -> None:
        """Leave out all other images."""
        self.paths = {name: path for name, path in self.paths.items() if name in names}


class Frames:
    """The frames of a video file, or of a camera by its number.

    Attributes:
        count: number of frames, as the file states it; None for a camera.
        ignored: 0.
        fps: frames per second.

    Raises:
        DataError: if it cannot be opened.
    """

    ignored = 0

    def __init__(self, source: str):
        self.source, camera, path = source, source.isdecimal(), Path(source).expanduser()
        if not camera and not path.is_file():
            raise DataError(f'{source}: no such video')
        self.capture = cv2.VideoCapture(int(source) if camera else str(path))
        if not self.capture.isOpened():
            raise DataError(f'camera {source}: not there, or in use' if camera else
                            f'{source}: not a readable video; fetch it again, or convert it to mp4')
        stated = int(self.capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.count = None if camera or stated <= 0 else stated
        self.fps = self.capture.get(cv2.CAP_PROP_FPS) or 25.0      # a camera may not state it

    def __iter__(self) -> Iterator[SourceImage]:
        number = 0
        while (frame := self.capture.read())[0]:
            yield SourceImage(str(number), frame[1])
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
    video = source.isdecimal() or source.lower().endswith(_VIDEOS)
    return Frames(source) if video else ImageFiles(source)
