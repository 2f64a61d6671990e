"""Images with the boxes of all their people, to train and test a detector."""
from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import BaseDataset
from mmengine.structures import BaseDataElement
from numpy import ndarray

from hourglass.datasets.box_geometry import box_around, has_extent, is_usable, overlaps
from hourglass.datasets.coco_file import floats
from hourglass.datasets.crop import crop_image, fitted_image
from hourglass.errors import DataError
from hourglass.io.files import read_json
from hourglass.io.images import read_image
from hourglass.registry import DATASETS, TRANSFORMS

_LEAST_SCORE = 0.25                     # of the boxes that are used
_DOUBTFUL = 0.6                         # factor on the score of a box that the view cuts
_DOUBTFUL_SHARE = 0.4                   # of its area in the view, below which it is doubtful
_LEAST_SHARE, _LEAST_SIDE = 0.15, 4     # of its area, and px of a side, of the boxes that are used
_THEIRS = 0.5                           # overlap above which a box is a person's: our choice
_TIGHT = 0.03                           # its least margin around the joints: our choice


@DATASETS.register_module()
class BoxesDataset(BaseDataset):
    """Images and boxes of people. Each sample brings three others along, for mosaics.

    ``ann_file`` is JSON, perhaps compressed (``.json.gz``): names of images to lists of x, y,
    width, height and score in image px from the image's corner. ``data_prefix`` is
    ``dict(img=...)``, the image folder. A missing image, or a box without area or score, raises
    ``DataError``.

    Args:
        people: config of a data set of people, instead of ``ann_file`` or beside it; their joints
            complete the boxes (:func:`completed`).
    """

    def __init__(self, ann_file: str = '', people: dict | None = None, **kwargs: Any):
        self.people = people
        super().__init__(ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        boxes_of = self._given() if self.ann_file else {}
        people_of = _keypoints_by_image(self.people) if self.people else {}
        for path, people in people_of.items():
            boxes_of[path] = completed(boxes_of.get(path, np.zeros((0, 5))), people)
        return [dict(img_path=path, boxes=boxes.astype(np.float32))
                for path, boxes in boxes_of.items()]

    def _given(self) -> dict[str, ndarray]:
        """Read ``ann_file``: paths of images to boxes (P, 5) x1, y1, x2, y2, score."""
        boxes_of = {}
        content = read_json(self.ann_file)
        if not isinstance(content, dict):
            raise DataError(f'{self.ann_file}: names of images and lists of their boxes needed')
        for name, rows in content.items():
            path = os.path.abspath(Path(self.data_prefix['img'], name))
            if not os.path.isfile(path):
                raise DataError(f'{self.ann_file}: {path}: no such image')
            if not isinstance(rows, list):
                raise DataError(f'{self.ann_file}: {name}: a list of boxes needed, [] for none')
            boxes = np.reshape([floats(row, (5,), f'{self.ann_file}: {name}, box {place}')
                                for place, row in enumerate(rows)], (-1, 5))
            for place in np.flatnonzero(~(boxes[:, 2:4] > 0).all(1)):
                raise DataError(f'{self.ann_file}: {name}, box {place}: {boxes[place].tolist()} '
                                'has no area; give x, y, width, height and score')
            boxes[:, 2:4] += boxes[:, :2]
            boxes_of[path] = boxes
        return boxes_of

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
        return [dict(img_path=path, keypoints_image=keypoints)
                for path, keypoints in _keypoints_by_image(
                    dict(self.people, test_mode=True)).items()]


def _keypoints_by_image(people: dict) -> dict[str, list[ndarray]]:
    """Absolute paths of images to the keypoints (K, 2), image px, of their people."""
    dataset = DATASETS.build(people)
    images = defaultdict(list)
    for index in range(len(dataset)):
        person = dataset.get_data_info(index)
        images[os.path.abspath(person['img_path'])].append(person['raw_ann_info']['keypoints_image'])
    return images


def completed(boxes: ndarray, people: Sequence[ndarray]) -> ndarray:
    """Return the boxes (P, 5) of an image, changed so that they hold all joints of its people.

    A box is a person's if it is usable, or has an intersection over union above 0.5 with the box
    around the joints (K, 2). Pairs with a larger one are taken first, and each box once. It is
    enlarged to hold the joints and a margin of 3 %, and its score becomes 1. For a person without a
    box, the one around the joints is added. People whose joints span no area are left out.
    """
    boxes = boxes.copy()
    people = list(filter(has_extent, people))
    shared = np.array([
        [overlap if overlap > _THEIRS or is_usable(box, joints) else 0
         for box, overlap in zip(boxes, overlaps(box_around(joints), boxes))] for joints in people])
    missed = dict(enumerate(people))
    while shared.any():
        person, place = np.unravel_index(shared.argmax(), shared.shape)
        shared[person], shared[:, place] = 0, 0
        own, tight = boxes[place], box_around(missed.pop(int(person)), _TIGHT)
        own[:2], own[2:4] = np.minimum(own[:2], tight[:2]), np.maximum(own[2:4], tight[2:])
        own[4] = 1
    return np.concatenate([boxes, *([[*box_around(joints), 1]] for joints in missed.values())])


@TRANSFORMS.register_module()
class FitImage(BaseTransform):
    """Read the image of a sample and fit it as prediction does (:func:`.crop.fitted_image`)."""

    def __init__(self, longer_side: int, multiple: int):
        self.longer_side, self.multiple = longer_side, multiple

    def transform(self, results: dict) -> dict:
        image = read_image(results['img_path'])
        results['img'], results['zoom'] = fitted_image(image, self.longer_side, self.multiple)
        results['image_size'] = image.shape[1::-1]
        return results


@TRANSFORMS.register_module()
class RandomView(BaseTransform):
    """Cut a view out of the image, mirrored half of the time, or make a mosaic of four.

    Args:
        size: side of the view in px.
        longer_side: that the whole image has before it is scaled, in px.
        scale: the least and the largest factor.
        mosaic: probability of four views, of this image and the others of its sample, that have
            half the size and 0.7 of the scale.
    """

    def __init__(self, size: int, longer_side: int, scale: tuple[float, float] = (0.5, 1.5),
                 mosaic: float = 0.3):
        self.size, self.longer_side, self.scale, self.mosaic = size, longer_side, scale, mosaic

    def transform(self, results: dict) -> dict:
        if np.random.rand() >= self.mosaic:
            results['img'], results['boxes'] = self._view(results, self.size, self.longer_side)
            return results
        half = self.size // 2
        tiles, boxes = zip(*(self._view(one, half, 0.7 * self.longer_side)
                             for one in (results, *results['others'])))
        results['img'] = np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])
        results['boxes'] = np.concatenate([
            one + np.array([x, y, x, y, 0], np.float32)
            for one, (x, y) in zip(boxes, ((0, 0), (half, 0), (0, half), (half, half)))])
        return results

    def _view(self, sample: dict, size: int, longer_side: float) -> tuple[ndarray, ndarray]:
        """Return a view (size, size, 3) and its boxes (P, 5) x1, y1, x2, y2, score in its px."""
        image = read_image(sample['img_path'])
        image_size = np.array(image.shape[1::-1])
        zoom = longer_side / image_size.max() * np.exp(np.random.uniform(*np.log(self.scale)))
        x, y = np.random.uniform(0, 1, 2) * (image_size * zoom - size)      # of the corner
        matrix = np.array([[zoom, 0, (zoom - 1) / 2 - x], [0, zoom, (zoom - 1) / 2 - y]])
        view, boxes = crop_image(image, matrix, (size, size)), sample['boxes'].copy()
        boxes[:, :4] = boxes[:, :4] * zoom - (x, y, x, y)
        if np.random.rand() < 0.5:
            view = view[:, ::-1]
            boxes[:, [0, 2]] = size - boxes[:, [2, 0]]
        return view, visible(boxes, size)


def visible(boxes: ndarray, size: int) -> ndarray:
    """Cut boxes (P, 5) at the border of a view, and leave out those of a low score.

    A box of which the view shows little has a lower score; one of which it shows hardly anything
    is left out.
    """
    cut = np.column_stack([boxes[:, :4].clip(0, size), boxes[:, 4]])
    sides, whole = (one[:, 2:4] - one[:, :2] for one in (cut, boxes))
    share = sides.prod(1) / whole.prod(1)
    cut[share < _DOUBTFUL_SHARE, 4] *= _DOUBTFUL
    return cut[(share > _LEAST_SHARE) & (sides.min(1) >= _LEAST_SIDE) & (cut[:, 4] >= _LEAST_SCORE)]


@TRANSFORMS.register_module()
class PackBoxes(BaseTransform):
    """Pack the image as a tensor (3, h, w), and everything else as the sample."""

    def transform(self, results: dict) -> dict:
        image = torch.from_numpy(np.stack(cv2.split(results.pop('img'))))
        results.pop('others', None)
        if 'boxes' in results:
            results['boxes'] = torch.from_numpy(results['boxes'])
        return dict(inputs=image, data_samples=BaseDataElement(**results))
