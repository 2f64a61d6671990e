"""The paper's augmentations, where mmpose has none that is exactly wanted, and a careful loader."""
import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from hourglass.datasets.crops import crop_around
from hourglass.pictures import read_picture
from hourglass.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadPicture(BaseTransform):
    """Read ``img_path`` into ``img``, (H, W, 3) uint8 BGR, where ``img`` is not there already.

    mmpose's ``LoadImage`` takes a truncated file for a picture and reports a missing one from deep
    inside; :func:`hourglass.pictures.read_picture` refuses both with the file's name.
    """

    def transform(self, results: dict) -> dict:
        if 'img' not in results:
            results['img'] = read_picture(results['img_path'])
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class BoxToCrop(BaseTransform):
    """Give a person with a ``bbox`` alone a crop around it; others keep theirs.

    Our data sets say what to crop (``bbox_center``, ``bbox_scale``); mmpose's inferencers give
    boxes alone. mmpose's ``GetBBoxCenterScale`` widens what a data set gave, too.
    """

    def transform(self, results: dict) -> dict:
        if 'bbox_center' not in results:
            height, width = results['img'].shape[:2]
            center_image, side_image = crop_around(results['bbox'][0], (width, height))
            results['bbox_center'] = center_image.astype(np.float32)[None]
            results['bbox_scale'] = np.full((1, 2), side_image, np.float32)
        return results


class _RandomScaleRotation(BaseTransform):
    """Resize the crop and turn it; ``TopdownAffine`` then moves pixels and points as one."""

    def sample(self) -> tuple[float, float]:
        """A factor on the crop's side (above 1 shows more), and degrees."""
        raise NotImplementedError

    def transform(self, results: dict) -> dict:
        factor, degrees = self.sample()
        results['bbox_scale'] = results['bbox_scale'] * np.float32(factor)
        results['bbox_rotation'] = np.array([degrees], np.float32)
        return results


@TRANSFORMS.register_module()
class PaperScaleRotation(_RandomScaleRotation):
    """Uniform in ranges, as the paper states them (section 4.1).

    Args:
        scale: lowest and highest factor. Paper: 0.75 to 1.25.
        max_rotation: degrees to either side. Paper: 30.
    """

    def __init__(self, scale: tuple[float, float] = (0.75, 1.25), max_rotation: float = 30):
        self.scale, self.max_rotation = scale, max_rotation

    def sample(self) -> tuple[float, float]:
        return (np.random.uniform(*self.scale),
                np.random.uniform(-self.max_rotation, self.max_rotation))


@TRANSFORMS.register_module()
class LuaScaleRotation(_RandomScaleRotation):
    """Clipped normal distributions, as the authors' code draws them (``pose.lua``).

    Args:
        scale_exponent: the factor is 2 to a normal number of this deviation, clipped at twice it.
            Lua: 0.25.
        rotation: deviation in degrees, clipped at twice it. Lua: 30.
        upright: probability of no rotation. Lua: 0.6.
    """

    def __init__(self, scale_exponent: float = 0.25, rotation: float = 30, upright: float = 0.6):
        self.scale_exponent, self.rotation, self.upright = scale_exponent, rotation, upright

    def sample(self) -> tuple[float, float]:
        exponent, degrees = np.clip(np.random.randn(2), -2, 2) * (self.scale_exponent,
                                                                  self.rotation)
        return 2.0**exponent, 0.0 if np.random.rand() < self.upright else degrees


@TRANSFORMS.register_module()
class LuaColour(BaseTransform):
    """Multiply every colour channel by a factor of its own and clamp (``pose.lua``).

    Args:
        low, high: range of the factors. Lua: 0.6 to 1.4.
    """

    def __init__(self, low: float = 0.6, high: float = 1.4):
        self.low, self.high = low, high

    def factors(self) -> np.ndarray:
        """Three factors, in the order of the channels."""
        return np.random.uniform(self.low, self.high, 3)

    def transform(self, results: dict) -> dict:
        table = np.arange(256)[:, None] * self.factors()                        # (256, 3)
        table = np.clip(np.rint(table), 0, 255).astype(np.uint8)
        results['img'] = cv2.LUT(results['img'], table.reshape(1, 256, 3))
        return results
