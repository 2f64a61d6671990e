"""People annotated and predicted in files of COCO's form, of any skeleton.

The annotation file has ``images`` (``id``, ``file_name``), ``categories``, of which one has names
of ``keypoints``, and ``annotations`` (``id``, ``image_id``, ``bbox``, ``keypoints``: x, y and flag,
which is 0 where not annotated and 1 where occluded). Predictions are COCO's list of results
(``image_id``, ``keypoints``, ``score``), or the ``predictions.json`` of ``hourglass predict``,
whose images are found by their names. Coordinates are image px, and boxes x, y, width, height.
"""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.optimize import linear_sum_assignment

from hourglass.errors import DataError
from hourglass.evaluation.ground_truth import Truth
from hourglass.evaluation.pck import People, box_side
from hourglass.evaluation.prediction_files import Predictions
from hourglass.io.files import read_json


@dataclass
class CocoPeople:
    """The annotated people of a file."""

    path: Path
    names: list[str]                    # of the K keypoints
    images: dict[Any, str]              # id -> file name
    annotations: Sequence[dict]         # of all people, in COCO's form; image_id is in images

    @cached_property
    def counted(self) -> list[dict]:
        """The P people with an annotated keypoint who are no crowd."""
        return [one for one in self.annotations
                if any(one['keypoints'][2::3]) and not one.get('iscrowd', 0)]

    @cached_property
    def arrays(self) -> People:
        """The annotation of the P people."""
        boxes = np.array([one['bbox'] for one in self.counted], float)
        triples = np.array([one['keypoints'] for one in self.counted], float).reshape(
            len(boxes), -1, 3)
        flags = triples[..., 2]
        return People(
            np.where(flags[..., None] > 0, triples[..., :2], np.nan), flags == 1,
            np.full(len(boxes), np.nan), np.c_[boxes[:, :2], boxes[:, :2] + boxes[:, 2:]],
            np.zeros(len(boxes), bool))

    @property
    def truth(self) -> Truth:
        """The P people, to score predictions of them against; their rows are their ids."""
        return Truth(self.path, self.names, [one['id'] for one in self.counted],
                     [self.images[one['image_id']] for one in self.counted], 0, '', '',
                     self.arrays.__getitem__)


def read_people(path: str | Path) -> CocoPeople:
    """Read an annotation file, and check it.

    Raises:
        DataError: for a file that cannot be read, an id that is there twice, an unknown image, or
            a person whose keypoints or box are not those of the skeleton.
    """
    path, content = Path(path), read_json(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in (
            'images', 'categories', 'annotations')):
        raise DataError(f"{path}: 'images', 'categories' and 'annotations' needed, as in COCO's "
                        'annotation of people')
    skeletons = [one for one in _records(content['categories'], (), path, 'category')
                 if one.get('keypoints')]
    if len(skeletons) != 1:
        raise DataError(f'{path}: {len(skeletons)} categories have names of keypoints, one needed')
    names = list(map(str, skeletons[0]['keypoints']))
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f'{path}: two keypoints are named {twice[0]!r}; name them apart')
    images = {one['id']: str(one.get('file_name', one['id'])) for one in _records(
        content['images'], ('id',), path, 'image')}
    people = [one for one in content['annotations']
              if not isinstance(one, dict) or one.get('category_id') == skeletons[0].get('id')]
    for one in _records(people, ('id', 'image_id', 'bbox', 'keypoints'), path, 'annotation'):
        where = f"{path}, annotation {one['id']}"
        if one['image_id'] not in images:
            raise DataError(f"{where}: image {one['image_id']!r} is not in 'images'")
        _floats(one['keypoints'], (3 * len(names),), f'{where}: keypoints')
        _floats(one.get('area', 1), (), f'{where}: area')
        if not (_floats(one['bbox'], (4,), f'{where}: bbox')[2:] > 0).all():
            raise DataError(f"{where}: bbox {one['bbox']} has no area; x, y, width, height needed")
    found = CocoPeople(path, names, images, people)
    if not found.counted:
        raise DataError(f'{path}: no person has an annotated keypoint')
    return found


def read_results(path: str | Path, truth: CocoPeople) -> list[dict]:
    """Read predictions of the images of a ground truth: ``image_id``, ``keypoints``, ``score``.

    The keypoints become (K, 2) arrays in image px; without a ``score`` it is the mean of the
    keypoints' own, or 1.

    Raises:
        DataError: for a file that cannot be read, or predictions of other images or keypoints.
    """
    path, content = Path(path), read_json(path, 'write it again')
    names = None
    if isinstance(content, dict) and isinstance(content.get('annotations'), list):
        names = {one['id']: str(one['file_name']) for one in _records(
            content.get('images', []), ('id', 'file_name'), path, 'image')}
        for category in _records(content.get('categories', []), (), path, 'category'):
            predicted = list(map(str, category.get('keypoints', truth.names)))
            if predicted != truth.names:
                raise DataError(f"{path}: predicts {', '.join(predicted)}, and {truth.path} has "
                                f"{', '.join(truth.names)}, in this order")
        content = content['annotations']
    if not isinstance(content, list):
        raise DataError(f"{path}: a list of predictions needed, as it is or under 'annotations'")
    by_name = {name: image for image, name in truth.images.items()}
    names_alone = Counter(Path(name).name for name in by_name)          # without their folders
    by_name = {Path(name).name: image for name, image in by_name.items()
               if names_alone[Path(name).name] == 1} | by_name
    found: list[dict] = []
    for one in _records(content, ('image_id', 'keypoints'), path, 'prediction'):
        where, image = f'{path}, prediction {len(found)}', one['image_id']
        if names:
            name = names.get(image, '')
            image = by_name.get(name, by_name.get(Path(name).name))
        if image not in truth.images:
            raise DataError(f'{where}: image {one["image_id"]!r} is not in {truth.path}')
        numbers = np.ravel(_floats(one['keypoints'], None, f'{where}: keypoints'))
        if len(numbers) not in (2 * len(truth.names), 3 * len(truth.names)):
            raise DataError(f'{where}: {len(numbers)} numbers, {3 * len(truth.names)} needed: x, y '
                            f'and score of {len(truth.names)} keypoints')
        columns = numbers.reshape(len(truth.names), -1)
        mean = columns[:, 2].mean() if columns.shape[1] == 3 else 1
        score = float(_floats(one.get('score', mean), (), f'{where}: score'))
        found.append(dict(image_id=image, keypoints=columns[:, :2], score=score))
    return found


def assigned(truth: CocoPeople, found: Sequence[dict], path: str | Path) -> Predictions:
    """Return the prediction of each of the P people, NaN for a person without one.

    In each image, predictions are assigned to people one to one, with the smallest sum of their
    mean distances; a distance counts at most as the longer side of the person's box.
    """
    keypoints_image = truth.arrays.keypoints_image                              # (P, K, 2)
    sides = box_side(truth.arrays.bbox_image.reshape(-1, 2, 2))                 # (P,)
    result = np.full_like(keypoints_image, np.nan)
    predictions = _by_image(one['image_id'] for one in found)
    for image, people in _by_image(one['image_id'] for one in truth.counted).items():
        if image not in predictions:
            continue
        theirs = np.array([found[place]['keypoints'] for place in predictions[image]])
        off = np.linalg.norm(theirs[None] - keypoints_image[people][:, None], axis=-1)  # (p, n, K)
        relative = np.fmin(off / sides[people][:, None, None], 1)
        annotated = ~np.isnan(keypoints_image[people][:, None]).any(-1)                 # (p, 1, K)
        rows, columns = linear_sum_assignment(
            (relative * annotated).sum(-1) / annotated.sum(-1))
        result[np.array(people)[rows]] = theirs[columns]
    return Predictions(Path(path), None, result, (0, 1, 2))


def _by_image(image_ids: Iterable) -> dict[Any, list[int]]:
    places = defaultdict(list)
    for place, image in enumerate(image_ids):
        places[image].append(place)
    return places


def _records(records: Any, keys: Sequence[str], path: Path, what: str) -> list[dict]:
    """Return the records if each is a dict that has the keys, and an ``id`` of its own."""
    if not isinstance(records, list):
        raise DataError(f'{path}: a list of {what}s needed')
    ids = set()
    for place, record in enumerate(records):
        where = f'{path}, {what} {place}'
        if not isinstance(record, dict):
            raise DataError(f'{where}: {record!r} where a record is needed')
        for key in keys:
            if key not in record:
                raise DataError(f'{where}: no {key!r}')
            if key in ('id', 'image_id') and not isinstance(record[key], (int, str)):
                raise DataError(f'{where}: {key!r} is {record[key]!r}, a number or a name needed')
        if 'id' in keys and record['id'] in ids:
            raise DataError(f"{path}: two of the {what}s have the id {record['id']!r}; number them "
                            'apart')
        ids.add(record.get('id'))
    return records


def _floats(values: Any, shape: tuple[int, ...] | None, where: str) -> ndarray:
    try:
        numbers = np.array(values, float)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f'{where}: {error}; numbers needed') from None
    if shape is not None and (numbers.shape != shape or not np.isfinite(numbers).all()):
        needed = f'{shape[0]} numbers' if shape else 'a finite number'
        raise DataError(f'{where} {values}: {needed} needed')
    return numbers
