"""Where the people of an image are, found by a detector that has a name."""
from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from hourglass.checkpoints.names import DETECTOR
from hourglass.datasets.box_geometry import suppressed
from hourglass.errors import ConfigError, DataError, HourglassError, did_you_mean, one_line
from hourglass.inference.onnx_detectors import OnnxDetector, rtmlib_file
from hourglass.io.images import ImageLike, as_image

if TYPE_CHECKING:
    import torch

_PACKAGES = dict(torchvision='torchvision', mmdet='--no-deps mmdet==3.3.0')
Detect = Callable[[ndarray], Any]       # as find_detector's module:function


def find_detector(name: str, score: float | None = None, overlap: float = 0.5,
                  max_people: int | None = None, device: str | torch.device | None = None
                  ) -> PersonDetector:
    """Load a detector of people by its name.

    Args:
        name: ``'hourglass'`` or ``'hourglass:FILE'``
            (:class:`hourglass.inference.center_detector.HourglassDetector`), ``'rtmlib'``,
            ``'torchvision'``, ``'hog'``, ``'onnx:FILE'`` or ``'onnx:FILE,FAMILY'``
            (:class:`hourglass.inference.onnx_detectors.OnnxDetector`),
            ``'mmdet:CONFIG,CHECKPOINT'``, or ``'module:function'``: a function from an image,
            (H, W, 3) uint8 BGR, to boxes, (P, 4) or with a score (P, 5), whose module is installed
            or in the working folder.
        score: boxes of a lower score, from 0 to 1, are left out; default 0.3 for ``'hourglass'``,
            0.5 for others. Margins of ``'hog'`` and scores of functions may be larger.
        overlap: of two boxes with a larger intersection over union, the one with the higher score
            remains.
        max_people: number of boxes for an image, those of the highest scores; default all.
        device: as for ``torch.device``, for the detectors that torch runs; default CUDA's GPU if
            there is one, else the CPU.

    Raises:
        ConfigError: for an unknown name or device, or a detector that cannot be loaded here.
    """
    if max_people is not None and max_people < 1:
        raise ConfigError(f'max_people={max_people}: give 1 or more')
    kind, colon, rest = name.partition(':')
    if score is None:
        score = 0.3 if kind == 'hourglass' else 0.5
    own_scale = name == 'hog' or (colon and kind not in _WITH_FILES)
    for option, value, most in (('score', score, np.inf if own_scale else 1),
                                ('overlap', overlap, 1)):
        if not 0 <= value <= most:
            range_ = 'from 0 to 1' if most == 1 else 'of 0 or more'
            raise ConfigError(f'detector {name}, {option}={value}: a number {range_} needed')
    try:
        if name in _BY_NAME:
            detect = _BY_NAME[name](device)
        elif colon and kind in _WITH_FILES:
            detect = _WITH_FILES[kind](device, rest)
        elif colon:
            detect = _function(kind, rest)
        else:
            known = (*_BY_NAME, 'hourglass:FILE', 'onnx:FILE', 'onnx:FILE,FAMILY',
                     'mmdet:CONFIG,CHECKPOINT', 'module:function')
            raise ConfigError(f"detector {name}: there is none of that name"
                              f"{did_you_mean(name, known)}; choose from {', '.join(known)}")
    except HourglassError:
        raise
    except ModuleNotFoundError as error:
        package = _PACKAGES.get((error.name or '').partition('.')[0])
        raise ConfigError(f'detector {name}: cannot be loaded ({one_line(error)})'
                          + (f'; pip install {package}' if package else '')) from None
    except Exception as error:                  # another package's
        raise ConfigError(f'detector {name}: cannot be loaded ({one_line(error)})') from None
    return PersonDetector(detect, score, overlap, max_people)


def detector_files(name: str) -> list[Path]:
    """Return the files that a detector, loaded by :func:`find_detector`, comes from.

    They are those that its name names, or the module of ``'module:function'``.
    """
    kind, colon, rest = name.partition(':')
    files = rest.split(',') if kind in _WITH_FILES or not colon else [
        getattr(sys.modules[kind], '__file__', None) or '']         # a built-in one has none
    return [path for file in files if (path := Path(file).expanduser()).is_file()]


@dataclass(frozen=True)
class PersonDetector:
    """A detector as :func:`find_detector` returns it."""

    detect: Detect
    score: float
    overlap: float
    max_people: int | None

    def __call__(self, image: ImageLike, name: str = 'image') -> ndarray:
        """Return (P, 5): x1, y1, x2, y2 in image px from the image's corner, within it, and score.

        The highest score is the first. A box without area or with a NaN is left out and logged.
        Raises ``DataError`` if the detector fails or returns no boxes; ``name`` is the image's.
        """
        pixels = as_image(image)
        try:
            found = self.detect(pixels)
            rows = np.asarray(found, float)
        except Exception as error:              # it may be anybody's
            raise DataError(f'{name}: the detector failed ({one_line(error)})') from None
        if rows.size == 0:
            return np.zeros((0, 5))
        if rows.ndim != 2 or rows.shape[1] < 4:
            raise DataError(f'{name}: the detector returned {type(found).__name__} of shape '
                            f'{rows.shape}, boxes (P, 4) or with scores (P, 5) needed')
        rows = np.column_stack([rows, np.ones(len(rows))])[:, :5]       # 1 is the missing score
        rows = rows[~(rows[:, 4] < self.score)]
        corners = np.clip(rows[:, :4], 0, np.tile(pixels.shape[1::-1], 2))
        usable = np.isfinite(rows).all(1) & (corners[:, :2] < corners[:, 2:]).all(1)
        for row in rows[~usable]:
            logging.getLogger(__name__).warning(
                "%s: the detector's box %s is left out: a NaN, or no area in the image", name,
                row[:4].tolist())
        return suppressed(np.column_stack([corners, rows[:, 4]])[usable], self.overlap
                           )[:self.max_people]


def _onnx(_: str | None, file: str) -> Detect:
    """Load ``FILE`` or ``FILE,FAMILY``; a comma may also be part of the file's name."""
    path, _, family = file.rpartition(',')
    return OnnxDetector(path, family) if path and not os.path.exists(file) else OnnxDetector(file)


def _hourglass(device: str | torch.device | None, file: str | None = None) -> Detect:
    """Load the detector that comes with the package, or one of a file."""
    from hourglass.inference.center_detector import HourglassDetector
    return HourglassDetector(DETECTOR if file is None else file, _of_torch(device))


def _torchvision(device: str | torch.device | None) -> Detect:
    """Load Faster R-CNN with a MobileNet, as torchvision publishes it."""
    import torch
    from torchvision.models import detection
    place = _of_torch(device)
    weights = detection.FasterRCNN_MobileNet_V3_Large_FPN_Weights.DEFAULT
    try:                                        # torch compares the sha256 in the file's name
        model = detection.fasterrcnn_mobilenet_v3_large_fpn(weights=weights).eval().to(place)
    except (OSError, RuntimeError) as error:
        raise ConfigError(
            f'detector torchvision: cannot be loaded ({one_line(error)}); download '
            f'{weights.url} into {torch.hub.get_dir()}/checkpoints') from None

    @torch.inference_mode()
    def detect(image: ndarray) -> ndarray:
        rgb = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1).to(place) / 255
        found, = model([rgb])
        boxes = torch.column_stack([found['boxes'], found['scores']])
        return boxes[found['labels'] == 1].cpu().numpy()                # 0 is the background
    return detect


def _mmdet(device: str | torch.device | None, files: str) -> Detect:
    """Load ``CONFIG,CHECKPOINT`` of mmdet."""
    from mmdet.apis import inference_detector, init_detector
    config, _, checkpoint = files.partition(',')
    model = init_detector(config, checkpoint, device=str(_of_torch(device)))
    person = list(model.dataset_meta['classes']).index('person')

    def detect(image: ndarray) -> ndarray:
        found = inference_detector(model, image).pred_instances.cpu().numpy()
        return np.column_stack([found.bboxes, found.scores])[found.labels == person]
    return detect


def _of_torch(device: str | torch.device | None) -> torch.device:
    """Return the device of a name; None means CUDA's GPU if there is one, else the CPU."""
    from hourglass.inference.device import cuda_or_cpu, find_device
    return find_device(device or cuda_or_cpu())


def _hog(_: str | None) -> Detect:
    """Return OpenCV's own detector, histograms of gradients in a window of 64x128 px."""
    import cv2
    if not hasattr(cv2, 'HOGDescriptor'):
        raise ConfigError(f'detector hog: OpenCV {cv2.__version__} has none, OpenCV 4 has; choose '
                          'another detector')
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    window = np.array([64, 128])

    def detect(image: ndarray) -> ndarray:
        zoom = max(1, *(window / image.shape[1::-1]))       # OpenCV crashes on smaller images
        size = np.ceil(zoom * np.array(image.shape[1::-1])).astype(int).tolist()
        found, scores = hog.detectMultiScale(cv2.resize(image, size))
        rows = np.reshape(found, (-1, 4)) / zoom            # x, y, width, height
        return np.column_stack([rows[:, :2], rows[:, :2] + rows[:, 2:], np.ravel(scores)])
    return detect


def _function(module: str, function: str) -> Detect:
    """Import a function whose module is installed or in the working folder."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    detect = getattr(importlib.import_module(module), function)
    if not callable(detect):
        raise TypeError(f'{function} is not a function')
    return detect


_BY_NAME: dict[str, Callable[[Any], Detect]] = dict(          # takes the name of a device or None
    hourglass=_hourglass, rtmlib=lambda _: OnnxDetector(rtmlib_file(), 'yolox'),
    torchvision=_torchvision, hog=_hog)
_WITH_FILES: dict[str, Callable[[Any, str], Detect]] = dict(
    hourglass=_hourglass, onnx=_onnx, mmdet=_mmdet)
