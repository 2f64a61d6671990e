"""Person detectors as ONNX files: YOLOX, RTMDet, YOLOv8 and PicoDet, as they are exported.

The families differ in how they want the image, and an export in how much of the decoding is in the
file. The former is named or follows from the latter, which is recognised by the outputs' shapes.
The first class is the person, as in COCO.
"""
from __future__ import annotations

import hashlib
import logging
import os
import zipfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
from numpy import ndarray

from hourglass.datasets.crop import crop_image
from hourglass.errors import ConfigError, did_you_mean, words_of
from hourglass.io.files import replacing

Decode = Callable[[list[ndarray], tuple[int, int]], ndarray]    # outputs, input (w, h) -> (N, 5)
_INPUT_SIZE = 640                       # px, where the file takes any
_STRIDES = 8, 16, 32, 64                # PicoDet's, and of the largest YOLOX; others have three
_GREY = 114                             # beside the image, as in training
_RTMLIB = 'yolox_m_8xb8-300e_humanart-c2c7a14a'                 # rtmlib 0.0.16's default
_RTMLIB_URL = f'https://download.openmmlab.com/mmpose/v1/projects/rtmposev1/onnx_sdk/{_RTMLIB}.zip'
_RTMLIB_SHA256 = '3dea6513388889f0fff4b77bf7a26013600321b9eb9ceb0e9a400a82572f5f23'
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)       # ImageNet's, RGB


@dataclass(frozen=True)
class Family:
    """How a network takes its image: (pixels - mean) / std, at the upper left or stretched."""

    rgb: bool
    mean: Sequence[float] | float = 0
    std: Sequence[float] | float = 1
    stretched: bool = False


FAMILIES = dict(
    yolox=Family(rgb=False), rtmdet=Family(False, _MEAN[::-1], _STD[::-1]),
    yolov8=Family(rgb=True, std=255), picodet=Family(True, _MEAN, _STD, stretched=True))


def session_options() -> Any:
    """Return onnxruntime's ``SessionOptions``, with threads that stop when a run ends.

    Otherwise they go on for a while, and slow down what comes next.
    """
    from onnxruntime import SessionOptions
    options = SessionOptions()
    options.add_session_config_entry('session.force_spinning_stop', '1')
    return options


class OnnxDetector:
    """Finds people with an ONNX file, on the CPU: an image (H, W, 3) uint8 BGR to boxes (N, 5).

    They are x1, y1, x2, y2 in image px from the image's corner, and a score; of all scores, and not
    suppressed.

    Args:
        path: the file.
        family: a name out of :data:`FAMILIES`; by default recognised.

    Raises:
        ConfigError: if onnxruntime is not installed, the file cannot be read, or the outputs are of
            no known form, of several families of which none is named, or of others.
    """

    def __init__(self, path: str | Path, family: str | None = None):
        try:
            from onnxruntime import InferenceSession
        except ImportError:
            raise ConfigError(f'detector {path}: needs onnxruntime; pip install onnxruntime'
                              ) from None
        file = Path(path).expanduser()
        if not file.is_file():
            raise ConfigError(f'detector {path}: no such file')
        options = session_options()
        options.log_severity_level = 3          # PicoDet's file gives a warning for every weight
        try:
            self.session = InferenceSession(str(file), options,
                                            providers=['CPUExecutionProvider'])
        except Exception as error:              # onnxruntime has a dozen types of its own
            raise ConfigError(f'detector {path}: not a readable ONNX file '
                              f'({words_of(error)}); fetch it again') from None
        image, *self.more = self.session.get_inputs()
        self.name, self.dtype = image.name, np.float16 if 'float16' in image.type else np.float32
        height, width = (side if isinstance(side, int) else _INPUT_SIZE for side in image.shape[2:])
        self.size = width, height
        shapes = [one.shape for one in self._run(np.zeros((height, width, 3)))]
        usual, possible, self.decode = _form(shapes, self.size, str(path))
        family = family or usual
        if family not in possible:
            raise ConfigError(
                f"detector {path}: of which family? Its outputs may be of {', '.join(possible)}"
                f"{f', not of {family}' if family else ''}{did_you_mean(family, possible)}; name "
                'one, as in onnx:FILE,rtmdet')
        self.family = FAMILIES[family]

    def __call__(self, image: ndarray) -> ndarray:
        image_size, family = np.array(image.shape[1::-1]), self.family
        zoom = np.array(self.size) / image_size
        if not family.stretched:
            zoom[:] = zoom.min()
        matrix = np.column_stack([np.diag(zoom), (zoom - 1) / 2])       # pixel 0 is at the middle
        pixels = crop_image(image, matrix, self.size).astype(float)
        width, height = np.rint(image_size * zoom).astype(int)
        pixels[height:], pixels[:, width:] = _GREY, _GREY
        outputs = self._run(((pixels[..., ::-1] if family.rgb else pixels) - family.mean)
                            / family.std)
        boxes = self.decode(outputs, self.size)
        return np.column_stack([boxes[:, :4] / np.tile(zoom, 2), boxes[:, 4]])

    def _run(self, pixels: ndarray) -> list[ndarray]:
        """Return the outputs of (h, w, 3) pixels, without the batch's dimension."""
        inputs = {self.name: pixels.transpose(2, 0, 1)[None].astype(self.dtype)}
        # PaddleDetection's also take the size and scale of the image, to give boxes in its px
        inputs |= {one.name: np.array([self.size[::-1] if one.name == 'im_shape' else (1, 1)],
                                      np.float32) for one in self.more}
        return [output[0].astype(float) for output in self.session.run(None, inputs)]


def _form(shapes: Sequence[tuple[int, ...]], size: tuple[int, int], path: str
          ) -> tuple[str, Collection[str], Decode]:
    """Recognise the form of the outputs.

    Returns the family that usually has it (empty if there is none), all families that may have it,
    and what decodes it.
    """
    grids = {len(_cells(size, _STRIDES[:count])) for count in (3, 4)}
    dimensions, rows = [len(shape) for shape in shapes], [shape[0] for shape in shapes]
    half = len(shapes) // 2
    if dimensions == [2]:
        (count, columns), = shapes
        if count in grids and columns > 5:
            return 'yolox', ('yolox', 'yolov8'), _yolox     # YOLOv5 takes its image as YOLOv8
        if columns in grids and count > 4:
            return 'yolov8', ('yolov8',), _yolov8
        if columns == 6:                # suppressed, with score and class
            return 'yolov8', FAMILIES, lambda outputs, _: _of_first_class(
                outputs[0], outputs[0][:, 5])
    elif dimensions == [2, 1] and shapes[0][1] == 5:        # suppressed by mmdeploy
        return '', ('yolox', 'rtmdet'), lambda outputs, _: _of_first_class(*outputs)
    elif dimensions == [2, 2] and shapes[0] == (shapes[1][1], 4):
        return 'picodet', ('picodet',), lambda outputs, _: np.column_stack(
            [outputs[0], outputs[1][0]])
    elif set(dimensions) == {2} and rows[:half] == rows[half:] and sum(rows[:half]) in grids:
        return 'picodet', ('picodet',), _picodet
    elif dimensions == [3] * 6 and rows[half:] == [4] * half:
        return 'rtmdet', ('rtmdet',), _rtmdet
    raise ConfigError(f"detector {path}: outputs of shapes {', '.join(map(str, shapes))} are of no "
                      f"known form; export one of {', '.join(FAMILIES)}")


def _cells(size: tuple[int, int], strides: Sequence[int]) -> ndarray:
    """Return x, y and stride of each cell of the grids over the input, (N, 3)."""
    grids = []
    for stride in strides:
        y, x = np.indices((-(-size[1] // stride), -(-size[0] // stride))).reshape(2, -1)
        grids.append(np.column_stack([x, y, np.full_like(x, stride)]))
    return np.concatenate(grids).astype(float)


def _cells_of(count: int, size: tuple[int, int]) -> ndarray:
    """Return the ``count`` cells of three or four grids."""
    return next(cells for strides in (_STRIDES[:3], _STRIDES)
                if len(cells := _cells(size, strides)) == count)


def _yolox(outputs: list[ndarray], size: tuple[int, int]) -> ndarray:
    """Decode (N, 5 + classes): centre, size, objectness, classes; the first two may be raw.

    The cells lie all over the input, so the middle centre is half its size away from the corner.
    Raw centres are in cells, from the corner of their own.
    """
    found = outputs[0]
    middles, sides = found[:, :2], found[:, 2:4]
    if np.median(middles) < _STRIDES[0]:
        cells = _cells_of(len(found), size)
        middles, sides = (middles + cells[:, :2]) * cells[:, 2:], np.exp(sides) * cells[:, 2:]
    return _around(middles, sides, found[:, 4] * found[:, 5])


def _yolov8(outputs: list[ndarray], size: tuple[int, int]) -> ndarray:
    """Decode (4 + classes, N): centre, size, classes."""
    found = outputs[0].T
    return _around(found[:, :2], found[:, 2:4], found[:, 4])


def _picodet(outputs: list[ndarray], size: tuple[int, int]) -> ndarray:
    """Decode classes (n, C) of each grid, then (n, 4 * bins): distributions of the distances."""
    half = len(outputs) // 2
    scores, bins = (np.concatenate(part) for part in (outputs[:half], outputs[half:]))
    logits = bins.reshape(len(bins), 4, -1)
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    distances = shares @ np.arange(shares.shape[-1]) / shares.sum(-1)               # (N, 4)
    cells = _cells_of(len(scores), size)
    return _from_distances((cells[:, :2] + 0.5) * cells[:, 2:], distances * cells[:, 2:],
                           scores[:, 0])


def _rtmdet(outputs: list[ndarray], size: tuple[int, int]) -> ndarray:
    """Decode classes (C, h, w) of each grid, before the sigmoid, then distances (4, h, w) in px."""
    scores, distances = (np.concatenate([one.reshape(len(one), -1).T for one in part])
                         for part in (outputs[:3], outputs[3:]))
    cells = _cells_of(len(scores), size)
    return _from_distances(cells[:, :2] * cells[:, 2:], distances, 1 / (1 + np.exp(-scores[:, 0])))


def _around(middles: ndarray, sides: ndarray, scores: ndarray) -> ndarray:
    return np.column_stack([middles - sides / 2, middles + sides / 2, scores])


def _from_distances(points: ndarray, distances: ndarray, scores: ndarray) -> ndarray:
    return np.column_stack([points - distances[:, :2], points + distances[:, 2:], scores])


def _of_first_class(boxes: ndarray, classes: ndarray) -> ndarray:
    return boxes[classes == 0, :5]


def rtmlib_file() -> Path:
    """Return the YOLOX-m that rtmlib takes by default, 101 MB, from rtmlib's cache.

    A missing file is fetched. Raises ``ConfigError`` if that fails, or its content is another.
    """
    cache = os.environ.get('TORCH_HOME') or os.path.join(
        os.environ.get('XDG_CACHE_HOME', '~/.cache'), 'rtmlib')
    path = Path(cache).expanduser() / f'hub/checkpoints/{_RTMLIB}.onnx'
    by_hand = f'download {_RTMLIB_URL} and put its end2end.onnx at {path}'
    missing = not path.is_file()
    try:
        content = _fetched_rtmlib() if missing else path.read_bytes()
    except (OSError, HTTPException, zipfile.BadZipFile, StopIteration) as error:
        raise ConfigError(f'detector rtmlib: cannot be fetched ({error}); {by_hand}') from None
    if hashlib.sha256(content).hexdigest() != _RTMLIB_SHA256:
        raise ConfigError(f'detector rtmlib: {_RTMLIB_URL if missing else path} is not the file '
                          f'that was published (sha256 {_RTMLIB_SHA256}); {by_hand}')
    if missing:
        with replacing(path) as draft:
            draft.write_bytes(content)
    return path


def _fetched_rtmlib() -> bytes:
    logging.getLogger(__name__).warning('fetching %s (101 MB)', _RTMLIB_URL)
    with urlopen(_RTMLIB_URL, timeout=30) as answer:
        archive = zipfile.ZipFile(BytesIO(answer.read()))
    return archive.read(next(name for name in archive.namelist() if name.endswith('end2end.onnx')))
