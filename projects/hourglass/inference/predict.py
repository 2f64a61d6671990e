"""From images to keypoints."""
from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, overload

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.structures import PoseDataSample
from numpy import ndarray

from hourglass.datasets.crop import to_image
from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import ConfigError, DataError, HourglassError
from hourglass.evaluation.calibration import Calibration
from hourglass.inference.places import Request, Rows, square_crops
from hourglass.inference.stages import until_stage
from hourglass.io.images import ImageLike, as_image
from hourglass.models.stages import num_stages, shallow_copy, stage_index


@dataclass
class Poses:
    """P people with K keypoints, from N stages.

    Attributes:
        keypoints: (P, K, 2) x, y in image px, 0-based: 0 is the middle of the first pixel.
        scores: (P, K) heights of the heatmaps' peaks, about 1 where the network is sure.
        boxes: (P, 4) x1, y1, x2, y2 of the crops in image px, from the image's corner.
        whole_image: no box was given, so one person was looked for in the whole image.
        image_size: (w, h).
        heatmaps: (P, K, h, w), on request.
        stage_keypoints: (P, N, K, 2) in image px of every stage, on request.
        stage_heatmaps: (P, N, K, h, w), if both stages and heatmaps were requested.
        inputs: (P, H, W, 3) uint8 BGR, the crops that the network was given, on request.
        probability: (P, K) that each keypoint is correct, by the calibration of the weights, on
            request.
    """

    keypoints: ndarray
    scores: ndarray
    boxes: ndarray
    whole_image: bool
    image_size: tuple[int, int]
    heatmaps: ndarray | None = None
    stage_keypoints: ndarray | None = None
    stage_heatmaps: ndarray | None = None
    inputs: ndarray | None = None
    probability: ndarray | None = None


@overload
def predict(model: TopdownPoseEstimator, images: ImageLike, boxes: Any = ..., centers: Any = ...,
            scales: Any = ..., **options: Any) -> Poses: ...
@overload
def predict(model: TopdownPoseEstimator, images: Sequence[ImageLike], boxes: Any = ...,
            centers: Any = ..., scales: Any = ..., **options: Any) -> list[Poses]: ...
def predict(model: TopdownPoseEstimator, images: ImageLike | Sequence[ImageLike],
            boxes: Rows | None = None, centers: Rows | None = None, scales: Rows | None = None,
            **options: Any) -> Poses | list[Poses]:
    """Find the keypoints of people in images.

    Without boxes or centres, one person is looked for in the square around the whole image. For a
    list of images, the result is a list.

    Args:
        model: of :func:`hourglass.apis.init_model`.
        images: one image, or a list: paths, Pillow images, or arrays of uint8 or uint16 (BGR as
            OpenCV reads them, BGRA or grey).
        boxes: for one image (P, 4), x1, y1, x2, y2 in image px around each person, from the image's
            corner, as detectors give them (further columns, such as a score, are ignored); for a
            list of images a list of these, None for a whole image. An empty list: no person.
        centers: (P, 2) middles of square crops in image px, 0-based; a list of these for a list.
        scales: (P,) sides of these crops in units of 200 px, as MPII's (which the authors multiply
            by 1.25 before); a list of these for a list.
        options: of :func:`predict_each`.

    Raises:
        DataError: for an image, box, centre or scale that cannot be used.
        ConfigError: for a stage that does not exist.
    """
    if not isinstance(images, (list, tuple)):
        given = [None if rows is None else [rows] for rows in (boxes, centers, scales)]
        return predict(model, [cast(ImageLike, images)], *given, **options)[0]
    places = dict(boxes=boxes, centers=centers, scales=scales)
    for name, rows in places.items():
        if rows is not None and len(rows) != len(images):
            raise DataError(f'{name}: {len(rows)} given for {len(images)} images; give one entry '
                            'for each')
    requests = (Request(image, str(image) if isinstance(image, (str, Path)) else f'image {index}',
                        **{name: rows[index] for name, rows in places.items() if rows is not None})
                for index, image in enumerate(images))
    results = []
    for _, found in predict_each(model, requests, **options):
        if isinstance(found, HourglassError):
            raise found
        results.append(found)
    return results


def predict_each(model: TopdownPoseEstimator, requests: Iterable[Request], *,
                 stage: int | None = None, flip: bool | None = None, heatmaps: bool = False,
                 stages: bool = False, inputs: bool = False, probability: bool = False,
                 padding: float = 1.25, batch_size: int = 32
                 ) -> Iterator[tuple[Request, Poses | HourglassError]]:
    """Find the keypoints of people in a stream of images of any length.

    At most ``batch_size`` people, of several images, and the results that wait for them are in
    memory. Yields each request, in order, with its poses or the error that says why there are none.
    Raises ``ConfigError`` for a stage that does not exist, or a ``batch_size`` below 1.

    Args:
        model: of :func:`hourglass.apis.init_model`.
        stage: the stage that predicts, 0 the first, -1 the last; default the config's.
        flip: average with the mirrored image; default the config's.
        heatmaps, stages, inputs, probability: return these as well; see :class:`Poses`.
        padding: side of a crop in units of the longer side of its box.
        batch_size: number of people.
    """
    if batch_size < 1:
        raise ConfigError(f'batch_size={batch_size}: give 1 or more')
    model = _configured(model, stage, flip, heatmaps, stages)
    calibration = _calibration(model) if probability else None
    with DefaultScope.overwrite_default_scope(model.cfg.get('default_scope', 'mmpose')):
        pipeline = Compose(model.cfg.test_dataloader.dataset.pipeline)
    images: deque[tuple[Request, Poses | HourglassError, list[_Person]]] = deque()
    waiting: list[_Person] = []                             # for a batch

    def complete() -> Iterator[tuple[Request, Poses | HourglassError]]:
        while images and all(person.found is not None for person in images[0][2]):
            request, poses, people = images.popleft()
            if people and isinstance(poses, Poses):
                fields = [_fields(person, inputs) for person in people]
                poses = replace(poses, **{name: np.stack([one[name] for one in fields])
                                          for name in fields[0]})
            if calibration and isinstance(poses, Poses):
                poses = replace(poses, probability=calibration.probabilities(
                    poses.scores, keypoint_names(model.dataset_meta)))
            yield request, poses

    for request in requests:
        images.append((request, *_prepared(model, pipeline, request, padding)))
        waiting += images[-1][2]
        while len(waiting) >= batch_size:
            _run(model, waiting[:batch_size])
            del waiting[:batch_size]
        yield from complete()
    if waiting:
        _run(model, waiting)
    yield from complete()


@dataclass
class _Person:
    packed: dict[str, Any]                  # inputs and data_samples, as mmpose's pipeline packs
    found: PoseDataSample | None = None     # the result of the estimator


def _prepared(model: TopdownPoseEstimator, pipeline: Compose, request: Request, padding: float
              ) -> tuple[Poses | HourglassError, list[_Person]]:
    """Cut the crops of an image with the config's test pipeline; the poses have no people yet."""
    if isinstance(request.image, HourglassError):
        return request.image, []
    try:
        image = as_image(request.image)
        size = image.shape[1], image.shape[0]
        crops = square_crops(request, size, padding)
    except DataError as error:
        return error, []
    people = [_Person(pipeline(dict(
        img=image, id=0, img_id=0, img_path='', category_id=1, bbox_score=np.ones(1, np.float32),
        bbox=np.concatenate([center - side / 2, center + side / 2]).astype(np.float32)[None],
        bbox_center=center.astype(np.float32)[None], bbox_scale=np.full((1, 2), side, np.float32),
        **model.dataset_meta))) for center, side in crops]
    count = model.dataset_meta['num_keypoints']
    poses = Poses(np.zeros((0, count, 2)), np.zeros((0, count)), np.zeros((0, 4)),
                  whole_image=request.boxes is None and request.centers is None, image_size=size)
    return poses, people


def _configured(model: TopdownPoseEstimator, stage: int | None, flip: bool | None, heatmaps: bool,
                stages: bool) -> TopdownPoseEstimator:
    """Return the estimator with settings as requested; it shares its weights with ``model``."""
    if not stages:
        model = until_stage(model, stage)
    elif hasattr(model, 'only_stage'):
        raise ConfigError(f'stages: this network was optimised for stage {model.only_stage[0]} '
                          'alone; init_model without optimize makes one that has all')
    else:
        model, head = shallow_copy(model), shallow_copy(model.head)
        if stage is not None:
            head.predict_stage = stage_index(stage, num_stages(model))
        model.head = head
    model.test_cfg = {**(model.test_cfg or {}), 'output_heatmaps': heatmaps, 'all_stages': stages}
    if flip is not None:
        model.test_cfg['flip_test'] = flip
    return model


def _calibration(model: TopdownPoseEstimator) -> Calibration:
    """Return the calibration of a configured model, or raise unless it is for these settings."""
    calibration: Calibration | None = getattr(model, 'calibration', None)
    if calibration is None:
        raise ConfigError('probability: these weights are not calibrated; hourglass test '
                          '--calibrate does it')
    if hasattr(model, 'only_stage'):
        used = model.only_stage[0]
    else:
        used = stage_index(model.head.predict_stage, num_stages(model))
    flips = model.test_cfg.get('flip_test', False)
    if (used, flips) != (calibration.stage, calibration.flip):
        raise ConfigError(
            f'probability: these weights are calibrated for stage {calibration.stage} '
            f"with{'' if calibration.flip else 'out'} the mirrored image, not for stage {used} "
            f"with{'' if flips else 'out'} it")
    return calibration


@torch.no_grad()
def _run(model: TopdownPoseEstimator, people: list[_Person]) -> None:
    found = model.test_step(pseudo_collate([person.packed for person in people]))
    for person, sample in zip(people, found):
        person.found = sample


def _fields(person: _Person, inputs: bool) -> dict[str, ndarray]:
    """Return the fields of Poses for one person, in px of the image as it was given."""
    assert person.found is not None                     # or its image would not be complete
    found, meta = person.found.pred_instances, person.found.metainfo
    half = meta['input_scale'] / 2
    fields = dict(
        keypoints=found.keypoints[0, :, :2], scores=found.keypoint_scores[0],
        boxes=np.concatenate([meta['input_center'] - half, meta['input_center'] + half]) + 0.5)
    if 'pred_fields' in person.found:
        fields['heatmaps'] = person.found.pred_fields.heatmaps.cpu().numpy()
    if 'stage_keypoints' in found:
        fields['stage_keypoints'] = to_image(found.stage_keypoints[0], meta)
    if 'stage_heatmaps' in found:
        fields['stage_heatmaps'] = found.stage_heatmaps[0].cpu().numpy()
    if inputs:
        fields['inputs'] = person.packed['inputs'].permute(1, 2, 0).numpy()
    return fields
