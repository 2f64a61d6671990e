"""Where people are: boxes in a file, or a function that finds them."""
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.errors import ConfigError, DataError
from hourglass.io.files import read_json

Detector = Callable[[ndarray], ndarray]     # (H, W, 3) uint8 BGR -> (P, 4 or more), x1, y1, x2, y2


class BoxFile:
    """Boxes of people by the name of their image, from a JSON file.

    Two forms are read: an object of lists, ``{"a.jpg": [[x1, y1, x2, y2], ...]}``, and COCO's, with
    ``images`` (``id``, ``file_name``) and ``annotations`` (``image_id``, ``bbox``: x, y, width,
    height). Frames of a video are named by their number, from 0. An image with an empty list, or
    in COCO's form without annotation, shows nobody.

    Raises:
        DataError: if the file is neither.
    """

    def __init__(self, path: str | Path):
        self.path = path
        content = read_json(path, 'write it again')
        try:
            self.boxes = _coco(content) if 'annotations' in content else {
                name: np.asarray(boxes, float).reshape(-1, 4) for name, boxes in content.items()}
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f'{path}: no boxes as {{"a.jpg": [[x1, y1, x2, y2], ...]}} or as COCO has them '
                f'({type(error).__name__}: {error})') from None

    def __call__(self, name: str) -> ndarray:
        """(P, 4) x1, y1, x2, y2 of the image ``name``.

        Raises:
            DataError: if the file does not speak of it.
        """
        for known in (name, os.path.basename(name)):
            if known in self.boxes:
                return self.boxes[known]
        raise DataError(f'{name}: {self.path} names no boxes for it; give it an empty list if it '
                        'shows nobody')


def _coco(content: dict) -> dict[str, ndarray]:
    names = {image['id']: image['file_name'] for image in content['images']}
    boxes = {name: [] for name in names.values()}
    for annotation in content['annotations']:
        x, y, width, height = annotation['bbox']
        boxes[names[annotation['image_id']]].append((x, y, x + width, y + height))
    return {name: np.array(of_one, float).reshape(-1, 4) for name, of_one in boxes.items()}


def load_detector(name: str) -> Detector:
    """The function ``module:function``; the module may lie in the working folder.

    Raises:
        ConfigError: if there is no such function.
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
        raise ConfigError(f'--detector {name}: is no function')
    return detector
