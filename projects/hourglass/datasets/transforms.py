"""Transforms of a sample: the paper's augmentations, and the crop.

Training: perhaps :class:`CropAsFound`, then :class:`DrawFlip`, a scale and rotation,
:class:`CropImage`, :class:`LuaColour`, mmpose's ``GenerateTarget``, :class:`PackPerson`. Test:
:class:`LoadImage`, :class:`BoxToCrop`, :class:`CropImage`, mmpose's ``PackPoseInputs``.
"""
from collections.abc import Callable

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData, PixelData
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import flip_bbox
from mmpose.structures.keypoint import flip_keypoints

from hourglass.datasets.box_geometry import box_around, has_extent
from hourglass.datasets.checks import crop_problem, size_problem
from hourglass.datasets.crop import (
    Piece,
    PieceStore,
    crop_around,
    crop_image,
    crop_matrix,
    fitted,
    reduction_for,
)
from hourglass.errors import ConfigError, DataError
from hourglass.io.images import read_image, read_reduced, size_of
from hourglass.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read ``img_path`` into ``img``, (H, W, 3) uint8 BGR, unless ``img`` is there already.

    Unlike mmpose's, it refuses a truncated or missing file with an error that names it.
    """

    def transform(self, results: dict) -> dict:
        if 'img' not in results:
            results['img'] = read_image(results['img_path'], results.get('bits'))
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class BoxToCrop(BaseTransform):
    """Give a person that has only a ``bbox``, as from mmpose's inferencers, a crop around it.

    mmpose's ``GetBBoxCenterScale`` would widen the crops that the data sets define, too.
    """

    def transform(self, results: dict) -> dict:
        if 'bbox_center' not in results:
            height, width = results['img'].shape[:2]
            _crop_around(results, results['bbox'][0], (width, height))
        return results


def _crop_around(results: dict, box: np.ndarray, image_size: tuple[int, int]) -> None:
    """Set a sample's crop around a box (4,): :func:`hourglass.datasets.crop.crop_around`."""
    center_image, side_image = crop_around(box, image_size)
    results['bbox_center'] = center_image.astype(np.float32)[None]
    results['bbox_scale'] = np.full((1, 2), side_image, np.float32)


@TRANSFORMS.register_module()
class CropAsFound(BaseTransform):
    """Replace a person's crop by one around a box with errors like a detector's.

    Each side of the box around the annotated joints (:func:`.box_geometry.box_around`) is moved at
    random, and the box is cut at the image's border. The annotated crop remains if the joints span
    no area, or a side gets shorter than an eighth of what the longer one was. For data sets that
    annotate whole bodies. Each draw needs another piece of the image, so the cache of a
    :class:`CropImage` has no use.

    Args:
        prob: probability of replacing the crop.
        deviation: standard deviation of the shift of a side, in units of the longer side; the
            defaults and the eighth are our choice.
    """

    def __init__(self, prob: float = 0.5, deviation: float = 0.07):
        self.prob, self.deviation = prob, deviation

    def transform(self, results: dict) -> dict:
        joints_image = results['keypoints'][0][results['keypoints_visible'][0] > 0]
        if np.random.rand() >= self.prob or not has_extent(joints_image):
            return results
        image_size = results.get('image_size') or size_of(results['img_path'])
        box = box_around(joints_image)
        longer = (box[2:] - box[:2]).max()
        box += np.random.randn(4) * self.deviation * longer
        box = box.clip(0, np.tile(image_size, 2))
        if (box[2:] - box[:2]).min() >= longer / 8:
            _crop_around(results, box, image_size)
        return results


@TRANSFORMS.register_module()
class DrawFlip(BaseTransform):
    """Let :class:`CropImage` mirror the person with probability ``prob``."""

    def __init__(self, prob: float = 0.5):
        self.prob = prob

    def transform(self, results: dict) -> dict:
        results['mirror'] = bool(np.random.rand() < self.prob)
        return results


class _RandomScaleRotation(BaseTransform):
    """Scale and rotate the crop that :class:`CropImage` or mmpose's ``TopdownAffine`` will cut."""

    widest: float                               # the highest factor that can be drawn

    def sample(self) -> tuple[float, float]:
        """Draw a factor on the crop's side (above 1 shows more), and degrees."""
        raise NotImplementedError

    def transform(self, results: dict) -> dict:
        factor, degrees = self.sample()
        results['widest_scale'] = results['bbox_scale'] * np.float32(self.widest)
        results['bbox_scale'] = results['bbox_scale'] * np.float32(factor)
        results['bbox_rotation'] = np.array([degrees], np.float32)
        return results


@TRANSFORMS.register_module()
class PaperScaleRotation(_RandomScaleRotation):
    """Uniform between two factors, and degrees to either side; the paper's (4.1) by default."""

    def __init__(self, scale: tuple[float, float] = (0.75, 1.25), max_rotation: float = 30):
        self.scale, self.max_rotation, self.widest = scale, max_rotation, scale[1]

    def sample(self) -> tuple[float, float]:
        return (np.random.uniform(*self.scale),
                np.random.uniform(-self.max_rotation, self.max_rotation))


@TRANSFORMS.register_module()
class LuaScaleRotation(_RandomScaleRotation):
    """Normal distributions, by default those of the authors' code (``pose.lua``).

    ``scale_exponent``, of 2, and ``rotation``, in degrees, are deviations; draws are clipped at
    twice them. ``upright`` is the probability of no rotation.
    """

    def __init__(self, scale_exponent: float = 0.25, rotation: float = 30, upright: float = 0.6):
        self.scale_exponent, self.rotation, self.upright = scale_exponent, rotation, upright
        self.widest = 2.0**(2 * scale_exponent)

    def sample(self) -> tuple[float, float]:
        deviations = self.scale_exponent, self.rotation
        exponent, degrees = np.clip(np.random.randn(2), -2, 2) * deviations
        return 2.0**exponent, 0.0 if np.random.rand() < self.upright else degrees


@TRANSFORMS.register_module()
class CropImage(BaseTransform):
    """Cut a person's crop out of its image with :func:`hourglass.datasets.crop.crop_image`.

    It replaces mmpose's ``LoadImage``, ``RandomFlip`` and ``TopdownAffine``, and writes the same
    entries to ``results``. ``img`` becomes (h, w, 3) uint8 BGR. Without an ``img`` it reads the
    file: a JPEG whose crop is at least twice as large as the input is decoded at 1/2, 1/4 or 1/8 of
    its size, which is faster and nearly the mean of the pixels. An image of another size than
    ``image_size`` (w, h), and a crop that shows nothing of it, raise ``DataError``.

    Args:
        input_size: (w, h) of the input in px.
        cache_megabytes: MiB of decoded image pieces to keep, each large enough for all random
            draws; the crops do not depend on it. Each worker of a loader has its own store, and
            loses it after an epoch unless the loader has ``persistent_workers``.
    """

    def __init__(self, input_size: tuple[int, int], cache_megabytes: float = 0):
        if cache_megabytes < 0:
            raise ConfigError(f'CropImage: cache_megabytes={cache_megabytes}, give 0 or more')
        self.input_size = (input_size[0], input_size[1])
        self.store = PieceStore(cache_megabytes) if cache_megabytes else None

    def transform(self, results: dict) -> dict:
        scale = fitted(results['bbox_scale'][0], self.input_size)
        widest = fitted(results.get('widest_scale', scale[None])[0], self.input_size)
        # image px; another transform may have enlarged the crop beyond what was to be the widest
        reach = np.hypot(*np.maximum(widest, scale)) / 2
        piece = self._piece(results, scale, reach)
        problem = (size_problem(results.get('image_size'), piece.image_size)
                   or crop_problem(results['bbox_center'][0], reach, piece.image_size))
        if problem:
            raise DataError(f"{results.get('img_path')}: {problem}")
        results['img_shape'] = results['ori_shape'] = piece.image_size[::-1]
        mirror = results.pop('mirror', None)
        if mirror is not None:
            results.update(flip=mirror, flip_direction='horizontal' if mirror else None)
        if mirror:
            _mirror(results, piece.image_size)
        center = results['bbox_center'][0]
        matrix = crop_matrix(center, scale, results.get('bbox_rotation', (0,))[0], self.input_size)
        results.update(bbox_scale=scale[None], input_size=self.input_size, input_center=center,
                       input_scale=scale)
        if 'keypoints' in results:
            results['transformed_keypoints'] = (
                results['keypoints'] @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
        if mirror:                              # of an image that was never mirrored
            matrix[:, 2] += matrix[:, 0] * (piece.image_size[0] - 1)
            matrix[:, 0] *= -1
        results['img'] = crop_image(piece, matrix, self.input_size)
        return results

    def _piece(self, results: dict, scale: np.ndarray, reach: float) -> Piece:
        if 'img' in results:
            return Piece.of_image(results['img'])
        path, center = results['img_path'], results['bbox_center'][0]
        reduction = reduction_for(scale, self.input_size)
        key = path, center.tobytes(), reach, reduction
        piece = self.store.get(key) if self.store else None
        if piece is None:
            piece = Piece(*read_reduced(path, reduction, results.get('bits')))
            if self.store:
                piece = piece.around(center, reach)
                self.store.keep(key, piece)
        return piece


def _mirror(results: dict, image_size: tuple[int, int]) -> None:
    """Replace keypoints and boxes of an image (w, h) by those of its mirror image."""
    results['bbox_center'] = flip_bbox(results['bbox_center'], image_size, 'center')
    if 'bbox' in results:
        results['bbox'] = flip_bbox(results['bbox'], image_size, 'xyxy')
    if 'keypoints' in results:
        results['keypoints'], results['keypoints_visible'] = flip_keypoints(
            results['keypoints'], results['keypoints_visible'], image_size,
            results['flip_indices'])


@TRANSFORMS.register_module()
class LuaColour(BaseTransform):
    """Multiply each colour channel by a random factor, by default as ``pose.lua``, and clamp."""

    def __init__(self, low: float = 0.6, high: float = 1.4):
        self.low, self.high = low, high

    def factors(self) -> np.ndarray:
        """Draw three factors, in the order of the channels."""
        return np.random.uniform(self.low, self.high, 3)

    def transform(self, results: dict) -> dict:
        planes = cv2.split(results['img'])              # ten times faster than a table of colours
        results['img'] = cv2.merge([cv2.convertScaleAbs(planes[channel], alpha=factor)
                                    for channel, factor in enumerate(self.factors())])
        return results


@TRANSFORMS.register_module()
class PackPerson(PackPoseInputs):
    """mmpose's ``PackPoseInputs`` for one person with one encoder, five times faster.

    mmpose builds every element twice and copies the metainfo as often; here the arrays of
    ``results``, which belong to the sample, go into the elements as they are.
    """

    def transform(self, results: dict) -> dict:
        def renamed(table: str, convert: Callable = lambda value: value) -> dict:
            names = results.get(table, getattr(self, table))
            return {name: convert(results[key]) for key, name in names.items() if key in results}

        image = np.stack(cv2.split(results['img']))                           # (3, h, w)
        sample, instances = PoseDataSample(), renamed('instance_mapping_table')
        if self.pack_transformed and 'transformed_keypoints' in results:
            instances['transformed_keypoints'] = results['transformed_keypoints']
        sample.gt_instances = InstanceData(**instances)
        sample.gt_instance_labels = InstanceData(**renamed('label_mapping_table', torch.from_numpy))
        fields = renamed('field_mapping_table', torch.from_numpy)
        if fields:
            sample.gt_fields = PixelData(**fields)
        for key in self.meta_keys:
            if key in results:
                sample.set_field(results[key], key, field_type='metainfo')
        return dict(inputs=torch.from_numpy(image), data_samples=sample)
