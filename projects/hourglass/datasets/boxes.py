"""Images with the boxes of all their people, to train and test a detector."""
from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import BaseDataset
from mmengine.structures import BaseDataElement
from numpy import ndarray

from hourglass.datasets.crop import crop_image, fitted_image
from hourglass.io.images import read_image, read_reduced
from hourglass.registry import DATASETS, TRANSFORMS


@DATASETS.register_module()
class BoxesDataset(BaseDataset):
    """Images and boxes of people; each sample brings three others along, for mosaics.

    ``ann_file`` is a ``.json.gz`` file: names of images to boxes x, y, w, h, score in image px from
    the image's corner.
    """

    def load_data_list(self) -> list[dict]:
        with gzip.open(self.ann_file, 'rt') as file:
            boxes = json.load(file)
        return [dict(img_path=str(Path(self.data_prefix['img'], name)),
                     boxes=np.reshape(rows, (-1, 5)).astype(np.float32))
                for name, rows in boxes.items()]

    def prepare_data(self, idx: int) -> Any:
        others = np.random.randint(len(self), size=3)
        return self.pipeline(self.get_data_info(idx) | dict(
            others=[self.get_data_info(int(other)) for other in others]))


@DATASETS.register_module()
class ImagesOfPeople(BaseDataset):
    """The images of a data set of people, each once, with the keypoints of all its people.

    Args:
        people: config of the data set.
    """

    def __init__(self, people: dict, **kwargs: Any):
        self.people = people
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        dataset = DATASETS.build(dict(self.people, test_mode=True))
        images = defaultdict(list)
        for index in range(len(dataset)):
            one = dataset.get_data_info(index)
            images[one['img_path']].append(one['raw_ann_info']['keypoints_image'])
        return [dict(img_path=path, keypoints_image=keypoints)
                for path, keypoints in images.items()]


@TRANSFORMS.register_module()
class FitImage(BaseTransform):
    """Read the image of a sample and fit it as prediction does (:func:`fitted_image`)."""

    def __init__(self, longer_side: int, multiple: int):
        self.longer_side, self.multiple = longer_side, multiple

    def transform(self, results: dict) -> dict:
        image = read_image(results['img_path'])
        results['img'], results['zoom'] = fitted_image(image, self.longer_side, self.multiple)
        results['image_size'] = image.shape[1::-1]
        return results


@TRANSFORMS.register_module()
class RandomView(BaseTransform):
    """Cut a view of the image out, or a mosaic of four views of it and other images.

    Args:
        size: side of the view in px.
        longer_side: that the image has before it is scaled.
        scale: the least and the largest factor.
        mosaic: probability of four views of half the size and 0.7 of the scale.
    """

    def __init__(self, size: int, longer_side: int, scale: tuple[float, float] = (0.6, 1.8),
                 mosaic: float = 0.3):
        self.size, self.longer_side, self.scale, self.mosaic = size, longer_side, scale, mosaic

    def transform(self, results: dict) -> dict:
        if np.random.rand() < self.mosaic:
            half = self.size // 2
            views = [self._view(one, half, 0.7 * self.longer_side)
                     for one in (results, *results.pop('others'))]
            rows = []
            for (_, boxes), corner in zip(views, ((0, 0), (half, 0), (0, half), (half, half))):
                rows.append(boxes + np.array([*corner, *corner, 0], np.float32))
            tiles = [view for view, _ in views]
            results['img'] = np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])
            results['boxes'] = np.concatenate(rows)
        else:
            results['img'], results['boxes'] = self._view(results, self.size, self.longer_side)
        return results

    def _view(self, sample: dict, size: int, longer_side: float) -> tuple[ndarray, ndarray]:
        image = read_reduced(sample['img_path'], 1)[0]
        boxes = sample['boxes'].copy()
        boxes[:, 2:4] += boxes[:, :2]
        image_size = np.array(image.shape[1::-1])
        zoom = longer_side / image_size.max() * np.exp(np.random.uniform(*np.log(self.scale)))
        corner = np.random.uniform(0, 1, 2) * (image_size * zoom - size)    # in px of the view
        matrix = np.array([[zoom, 0, -corner[0] + (zoom - 1) / 2],
                           [0, zoom, -corner[1] + (zoom - 1) / 2]])
        boxes[:, :4] = boxes[:, :4] * zoom - np.tile(corner, 2)
        view = crop_image(image, matrix, (size, size))
        if np.random.rand() < 0.5:
            view = view[:, ::-1]
            boxes[:, [0, 2]] = size - boxes[:, [2, 0]]
        return view, visible(boxes, size)


def visible(boxes: ndarray, size: int) -> ndarray:
    """Clip boxes (P, 5) to a square; of what is hardly in it the score falls, or it is left out."""
    clipped = np.column_stack([boxes[:, :4].clip(0, size), boxes[:, 4]])
    area, left = ((one[:, 2:4] - one[:, :2]).prod(1) for one in (boxes, clipped))
    clipped[left < 0.4 * area, 4] *= 0.6
    sides = clipped[:, 2:4] - clipped[:, :2]
    return clipped[(left > 0.15 * area) & (sides.min(1) >= 4) & (clipped[:, 4] >= 0.25)]


@TRANSFORMS.register_module()
class PackBoxes(BaseTransform):
    """Pack the image as a tensor (3, h, w), and everything else as the sample."""

    def transform(self, results: dict) -> dict:
        image = torch.from_numpy(np.stack(cv2.split(results.pop('img'))))
        results.pop('others', None)
        if 'boxes' in results:
            results['boxes'] = torch.from_numpy(results['boxes'])
        return dict(inputs=image, data_samples=BaseDataElement(**results))
