"""Where images come from: a file, a folder, a pattern, a video or a camera."""
from __future__ import annotations

import glob
from collections.abc import Collection, Iterator
from itertools import takewhile
from pathlib import Path

import cv2
from PIL import Image

from hourglass.errors import DataError
from hourglass.inference.places import Request
from hourglass.io.images import read_image

_RESULTS = ('overlays', 'heatmaps', 'crops')      # folders beside predictions.json
_VIDEOS = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv')


class ImageFiles:
    """Images of a file, of a folder and its subfolders, or of a pattern such as ``'a/*.jpg'``.

    They are turned upright, and named by their path below the folder; ``paths`` has them by name.
    ``ignored`` counts files without a name of an image. What an earlier prediction wrote below the
    folder is no input. Raises ``DataError`` if there is no image.
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
        files = [file for file in found if file.is_file() and not _is_result(file, root)]
        known = Image.registered_extensions()
        self.paths = {file.relative_to(root).as_posix(): file for file in files
                      if not path.is_dir() or file.suffix.lower() in known}
        self.ignored = len(files) - len(self.paths)
        if not self.paths:
            what = f'{self.ignored} files and no image' if self.ignored else 'no image'
            raise DataError(f'{source}: {what}; give an image, a folder, a pattern in quotes, a '
                            'video, or the number of a camera')

    def __iter__(self) -> Iterator[Request]:
        for name, path in self.paths.items():
            try:
                yield Request(read_image(path), name)
            except DataError as error:
                yield Request(error, name)

    @property
    def count(self) -> int:
        return len(self.paths)

    def keep(self, names: Collection[str]) -> None:
        """Leave out all other images."""
        self.paths = {name: path for name, path in self.paths.items() if name in names}


def _is_result(file: Path, root: Path) -> bool:
    """Return whether a file lies in a folder of results below ``root``."""
    return any(folder.name in _RESULTS and (
        (folder.parent / 'predictions.json').is_file() or (folder.parent / 'journal').is_dir())
               for folder in takewhile(lambda folder: folder != root, file.parents))


class Frames:
    """The frames of a video file, or of a camera by its number; their names count from 0.

    ``count`` is their number as the file states it. One that cannot be opened is a ``DataError``.
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

    def __iter__(self) -> Iterator[Request]:
        number = 0
        while (frame := self.capture.read())[0]:
            yield Request(frame[1], str(number))
            number += 1
        self.capture.release()
        if self.count is not None and number < self.count:
            yield Request(DataError(f'{self.source}: breaks off after {number} of {self.count} '
                                    'frames'), str(number))


def open_source(source: str) -> ImageFiles | Frames:
    """Open the images that INPUT of a command line names; a number is a camera."""
    video = source.isdecimal() or source.lower().endswith(_VIDEOS)
    return Frames(source) if video else ImageFiles(source)
