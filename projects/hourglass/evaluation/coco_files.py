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

from hourglass.datasets.coco_file import floats, has_area, read_coco, records
from hourglass.errors import DataError
from hourglass.evaluation.ground_truth import Truth
from hourglass.evaluation.pck import People, box_side
from hourglass.evaluation.prediction_files import Predictions
from hourglass.io.files import match_names, read_json


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


def read_people(path: str | Path, category: str | None = None) -> CocoPeople:
    """Read an annotation file, and check it; ``category`` as for :func:`.coco_file.read_coco`.

    Raises:
        DataError: for a file that cannot be read, an id that is there twice, an unknown image, or
            a person whose keypoints or box are not those of the skeleton.
    """
    file = read_coco(path, category)
    for one in records(file.annotations, ('bbox',), file.path, 'annotation'):
        if not has_area(one['bbox']):
            raise DataError(f"{file.path}, annotation {one['id']}: bbox {one['bbox']} has no area; "
                            'x, y, width, height needed')
    shown = Counter(record['file_name'] for record in file.images.values())
    if twice := [name for name, count in shown.items() if count > 1]:
        raise DataError(f'{path}: two images are {twice[0]}; give their people one image_id')
    found = CocoPeople(file.path, file.names, {
        image: record['file_name'] for image, record in file.images.items()}, file.annotations)
    if not found.counted:
        raise DataError(f'{path}: no person has an annotated keypoint')
    return found


def read_results(path: str | Path, truth: CocoPeople) -> list[dict]:
    """Read predictions of the images of a ground truth: ``image_id``, ``keypoints``, ``score``.

    The keypoints become (K, 2) arrays in image px; without a ``score`` it is the mean of the
    keypoints' own, or 1.

    Raises:
        DataError: for a file that cannot be read, or predictions of other images or keypoints, or
            of several categories that are not all scored.
    """
    path, content = Path(path), read_json(path, 'write it again')
    names = None
    if isinstance(content, dict) and isinstance(content.get('annotations'), list):
        names = {one['id']: str(one['file_name']) for one in records(
            content.get('images', []), ('id', 'file_name'), path, 'image')}
        for category in records(content.get('categories', []), (), path, 'category'):
            given = category.get('keypoints', truth.names)
            predicted = list(map(str, given if isinstance(given, list) else [given]))
            if predicted != truth.names:
                raise DataError(f"{path}: predicts {', '.join(predicted)}, and {truth.path} has "
                                f"{', '.join(truth.names)}, in this order")
        content = content['annotations']
    if not isinstance(content, list):
        raise DataError(f"{path}: a list of predictions needed, as it is or under 'annotations'")
    records(content, ('image_id', 'keypoints'), path, 'prediction')
    kinds = dict.fromkeys(repr(one['category_id']) for one in content if 'category_id' in one)
    scored = {repr(one['category_id']) for one in truth.annotations}
    if len(kinds) > 1 and (others := [kind for kind in kinds if kind not in scored]):
        raise DataError(f"{path}: predictions of category_id {', '.join(others)} are none of those "
                        f"to be scored, which have {', '.join(sorted(scored))}; leave them out")
    by_name = {name: image for image, name in truth.images.items()}
    find = match_names(by_name)
    found: list[dict] = []
    for one in content:
        where, image = f'{path}, prediction {len(found)}', one['image_id']
        if names is not None:
            image = by_name.get(find(names.get(image, '')) or '')
        if image not in truth.images:
            meant = one['image_id'] if names is None else names.get(one['image_id'])
            raise DataError(f'{where}: image {meant!r} is not in {truth.path}')
        numbers = np.ravel(floats(one['keypoints'], None, f'{where}: keypoints'))
        if len(numbers) not in (2 * len(truth.names), 3 * len(truth.names)):
            raise DataError(f'{where}: {len(numbers)} numbers, {3 * len(truth.names)} needed: x, y '
                            f'and score of {len(truth.names)} keypoints')
        columns = numbers.reshape(len(truth.names), -1)
        mean = columns[:, 2].mean() if columns.shape[1] == 3 else 1
        score = float(floats(one.get('score', mean), (), f'{where}: score'))
        found.append(dict(image_id=image, keypoints=columns[:, :2], score=score))
    return found


def assigned(truth: CocoPeople, found: Sequence[dict], path: str | Path) -> Predictions:
    """Return the prediction of each of the P people, NaN for a person without one.

    In each image, predictions are assigned to people one to one, with the smallest sum of their
    mean distances; a distance counts at most as the longer side of the person's box.
    """
    from scipy.optimize import linear_sum_assignment  # imported late: it takes a second
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
