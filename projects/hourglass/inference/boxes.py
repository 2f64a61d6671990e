"""Where people are: boxes in a file, or a function that finds them."""
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.errors import ConfigError, DataError
from hourglass.inference.places import Request
from hourglass.io.files import read_json

Detector = Callable[[ndarray], ndarray]     # (H, W, 3) uint8 BGR -> (P, 4 or more), x1, y1, x2, y2
FindBoxes = Callable[[Request], ndarray | None]     # None: the whole image


def box_finder(boxes: str | None, detector: str | None) -> FindBoxes:
    """Return a function that gives the boxes of an image; without arguments it returns None.

    ``boxes`` is the path of a :class:`BoxFile`, ``detector`` a name for :func:`load_detector`,
    whose errors are raised; both together are a ``ConfigError``.
    """
    if boxes and detector:
        raise ConfigError('--boxes and --detector both say where people are; give one')
    if boxes:
        known = BoxFile(boxes)
        return lambda request: known(request.name)
    if detector:
        find = load_detector(detector)
        return lambda request: find(request.image)    # type: ignore[arg-type]  # it could be read
    return lambda request: None


class BoxFile:
    """Boxes of people by the name of their image, from a JSON file; ``DataError`` for other files.

    Two forms are read: ``{"a.jpg": [[x1, y1, x2, y2], ...]}``, and COCO's, with ``images`` (``id``,
    ``file_name``) and ``annotations`` (``image_id``, ``bbox``: x, y, width, height). Frames of a
    video are named by their number, from 0. An image with an empty list, or without annotation in
    COCO's form, shows no person.
    """

    def __init__(self, path: str | Path):
        self.path = path
        content = read_json(path, 'write it again')
        try:
            lists = _from_coco(content) if 'annotations' in content else content
            self.boxes = {name: np.asarray(rows, float).reshape(-1, 4)
                          for name, rows in lists.items()}
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f'{path}: no boxes as {{"a.jpg": [[x1, y1, x2, y2], ...]}} or in COCO\'s form '
                f'({type(error).__name__}: {error})') from None

    def __call__(self, name: str) -> ndarray:
        """Return (P, 4) of the image ``name``; raise ``DataError`` if the file lacks it."""
        for known in (name, os.path.basename(name)):
            if known in self.boxes:
                return self.boxes[known]
        raise DataError(f'{name}: {self.path} has no boxes for it; give it an empty list if it '
                        'shows no person')


def _from_coco(content: dict) -> dict[str, list]:
    names = {image['id']: image['file_name'] for image in content['images']}
    boxes: dict[str, list] = {name: [] for name in names.values()}
    for annotation in content['annotations']:
        x, y, width, height = annotation['bbox']
        boxes[names[annotation['image_id']]].append((x, y, x + width, y + height))
    return boxes


def load_detector(name: str) -> Detector:
    """Import ``module:function``, whose module is installed or in the working folder.

    Raises ``ConfigError`` if there is no such function.
    """
    module, _, function = name.partition(':')
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        detector = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f'--detector {name}: cannot be imported ({error}); name it '
                          'module:function, with the module in this folder or installed') from None
    if not callable(detector):
        raise ConfigError(f'--detector {name}: is not a function')
    return detector
