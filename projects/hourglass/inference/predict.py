"""From images to keypoints."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Union, cast, overload

import numpy as np
import torch
from numpy import ndarray

from hourglass.datasets.crop import Piece, crop_image, fitted, reduction_for, to_image
from hourglass.datasets.person import PADDING
from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import ConfigError, DataError, HourglassError
from hourglass.inference.network import PoseNetwork
from hourglass.inference.places import Request, Rows, square_crops
from hourglass.io.images import ImageLike, StoredImage, as_image, size_of
from hourglass.models.stages import shallow_copy, stage_index


@dataclass
class Poses:
    """P people with K keypoints, from N stages.

    Attributes:
        keypoints: (P, K, 2) x, y in image px, 0-based: 0 is the middle of the first pixel.
        scores: (P, K) heights of the heatmaps' peaks, about 1 where the network is sure.
        boxes: (P, 4) x1, y1, x2, y2 of the crops in image px, from the image's corner.
        whole_image: no box was given, so one person was looked for in the whole image.
        image_size: (w, h).
        names: of the K keypoints.
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
    names: Sequence[str] = ()
    heatmaps: ndarray | None = None
    stage_keypoints: ndarray | None = None
    stage_heatmaps: ndarray | None = None
    inputs: ndarray | None = None
    probability: ndarray | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold: ``image_size``, ``whole_image`` and ``people``.

        Each person has a ``crop`` and ``keypoints``, a list of dicts with ``keypoint`` (its name),
        ``x``, ``y``, ``score`` and, where it was requested, ``probability``.
        """
        columns = dict(x=self.keypoints[..., 0], y=self.keypoints[..., 1], score=self.scores)
        if self.probability is not None:
            columns['probability'] = self.probability
        return dict(image_size=list(self.image_size), whole_image=self.whole_image, people=[dict(
            crop=crop, keypoints=[
                dict(keypoint=name) | {column: round(float(values[person, place]), 4)
                                       for column, values in columns.items()}
                for place, name in enumerate(self.names)])
            for person, crop in enumerate(self.boxes.astype(float).round(4).tolist())])

    def to_pandas(self) -> Any:
        """Return a table of pandas with a row for each keypoint, and the number of its person."""
        try:
            import pandas
        except ImportError:
            raise ConfigError('to_pandas: needs pandas; pip install pandas') from None
        columns = ['person', 'keypoint', 'x', 'y', 'score']
        return pandas.DataFrame([
            dict(person=number) | keypoint for number, person in enumerate(self.to_dict()['people'])
            for keypoint in person['keypoints']],
            columns=columns if self.probability is None else [*columns, 'probability'])

    def to_coco(self, image_id: int | str) -> list[dict[str, Any]]:
        """Return COCO's result for each person, whose score is the mean of the keypoints'."""
        return [dict(image_id=image_id, category_id=1, score=round(float(scores.mean()), 6),
                     keypoints=np.c_[keypoints, scores].astype(float).round(4).ravel().tolist())
                for keypoints, scores in zip(self.keypoints, self.scores)]


@dataclass
class _Person:
    center: ndarray                         # (2,) middle of the crop in image px
    sides: ndarray                          # (2,) of the crop in image px
    crop: ndarray                           # (H, W, 3) uint8 BGR, the network's input
    found: dict[str, ndarray] | None = None         # fields of Poses for this person


# an image, its poses, which have no people yet, and the people
_Prepared = tuple[Request, Union[Poses, HourglassError], list[_Person]]


@overload
def predict(model: PoseNetwork, images: ImageLike, boxes: Any = ..., centers: Any = ...,
            scales: Any = ..., **options: Any) -> Poses: ...
@overload
def predict(model: PoseNetwork, images: Sequence[ImageLike], boxes: Any = ...,
            centers: Any = ..., scales: Any = ..., **options: Any) -> list[Poses]: ...
def predict(model: PoseNetwork, images: ImageLike | Sequence[ImageLike],
            boxes: Rows | None = None, centers: Rows | None = None, scales: Rows | None = None,
            whole_image: bool = False, **options: Any) -> Poses | list[Poses]:
    """Find the keypoints of people in images; for a list of images, the result is a list.

    One of boxes, centres with scales, and ``whole_image`` says where the people are.

    Args:
        model: of :func:`hourglass.apis.init_model`.
        images: one image, or a list: paths, Pillow images, or arrays of uint8 or uint16 (BGR as
            OpenCV reads them, BGRA or grey). A JPEG file is reduced while it is decoded for the
            crops that are then still as large as the network's input, as in data sets.
        boxes: for one image (P, 4), x1, y1, x2, y2 in image px around each person, from the image's
            corner, as detectors give them (further columns, such as a score, are ignored); for a
            list of images a list of these, None for a whole image. An empty list: no person.
        centers: (P, 2) middles of square crops in image px, 0-based; a list of these for a list.
        scales: (P,) sides of these crops in units of 200 px, as MPII's (which the authors multiply
            by 1.25 before); a list of these for a list.
        whole_image: look for one person in the square around each whole image.
        options: of :func:`predict_each`.

    Raises:
        DataError: for an image, box, centre or scale that cannot be used.
        ConfigError: for a stage that does not exist, or if nothing says where the people are.
    """
    if not isinstance(model, PoseNetwork):
        raise ConfigError(f'model={model!r}: a network needed; init_model({model!r}) loads one')
    places = dict(boxes=boxes, centers=centers, scales=scales)
    if whole_image == any(rows is not None for rows in places.values()):
        raise ConfigError('where are the people? Give one of boxes (of a file, or found by '
                          'find_detector(...)), centers with scales, and whole_image=True')
    if not isinstance(images, (list, tuple)):
        given = [None if rows is None else [rows] for rows in places.values()]
        return predict(model, [cast(ImageLike, images)], *given,
                       whole_image=whole_image, **options)[0]
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


def predict_each(model: PoseNetwork, requests: Iterable[Request], *,
                 stage: int | None = None, flip: bool | None = None, heatmaps: bool = False,
                 stages: bool = False, inputs: bool = False, probability: bool = False,
                 padding: float = PADDING, batch_size: int = 32,
                 reading: Callable[[Iterator[_Prepared]], Iterator[_Prepared]] = iter
                 ) -> Iterator[tuple[Request, Poses | HourglassError]]:
    """Find the keypoints of people in a stream of images of any length.

    At most ``batch_size`` people, and as many images, wait in memory: the network also runs for
    fewer people where so many images have been read. Yields each request, in order, with its poses
    or the error that says why there are none. Raises ``ConfigError`` for a stage that does not
    exist, or a ``batch_size`` below 1.

    Args:
        model: of :func:`hourglass.apis.init_model`.
        stage: the stage that predicts, 0 the first, -1 the last; default the config's.
        flip: average with the mirrored image; default the config's.
        heatmaps, stages, inputs, probability: return these as well; see :class:`Poses`.
        padding: side of a crop in units of the longer side of its box.
        batch_size: number of people.
        reading: wraps the iteration that reads images and cuts crops, for example to do that in
            another thread.
    """
    if batch_size < 1:
        raise ConfigError(f'batch_size={batch_size}: give 1 or more')
    model = _configured(model, stage, flip, stages)
    if probability and (problem := uncalibrated(model)):
        raise ConfigError(f'probability: {problem}')
    calibration = model.calibration if probability else None
    images: deque[_Prepared] = deque()
    waiting: list[_Person] = []                             # for a batch

    def complete() -> Iterator[tuple[Request, Poses | HourglassError]]:
        while images and all(person.found is not None for person in images[0][2]):
            request, poses, people = images.popleft()
            if people and isinstance(poses, Poses):
                found = [cast(dict, person.found) for person in people]
                poses = replace(poses, **{name: np.stack([one[name] for one in found])
                                          for name in found[0]})
            if calibration and isinstance(poses, Poses):
                poses = replace(poses, probability=calibration.probabilities(
                    poses.scores, poses.names))
            yield request, poses

    for prepared in reading(_prepare(model, request, padding) for request in requests):
        images.append(prepared)
        waiting += prepared[2]
        while len(waiting) >= batch_size or (waiting and len(images) >= batch_size):
            _run(model, waiting[:batch_size], heatmaps, stages, inputs)
            del waiting[:batch_size]
        yield from complete()
    if waiting:
        _run(model, waiting, heatmaps, stages, inputs)
    yield from complete()


def _prepare(model: PoseNetwork, request: Request, padding: float) -> _Prepared:
    """Read an image, and cut its crops."""
    if isinstance(request.image, HourglassError):
        return request, request.image, []
    try:
        size = size_of(request.image)
        # as the data sets' samples have them
        crops = [(middle.astype(np.float32), fitted(np.full(2, side, np.float32), model.input_size))
                 for middle, side in square_crops(request, size, padding)]
        reductions = [reduction_for(sides, model.input_size) for _, sides in crops]
        pieces = _pieces(request.image, {*reductions} or {1})
    except DataError as error:
        return request, error, []
    people = [
        _Person(center, sides, crop_image(
            pieces[reduction], model.matrix(center, sides), model.input_size))
        for (center, sides), reduction in zip(crops, reductions)]
    count = model.dataset_meta['num_keypoints']
    poses = Poses(np.zeros((0, count, 2)), np.zeros((0, count)), np.zeros((0, 4)),
                  whole_image=request.boxes is None and request.centers is None, image_size=size,
                  names=keypoint_names(model.dataset_meta))
    return request, poses, people


def _pieces(image: ImageLike, reductions: set[int]) -> dict[int, Piece]:
    """Read a file with each reduction, as data sets do for each person."""
    if isinstance(image, (str, Path)):
        image = StoredImage(image)
    if isinstance(image, StoredImage):
        return {reduction: Piece(*image.read(reduction)) for reduction in sorted(reductions)}
    return dict.fromkeys(reductions, Piece.of_image(as_image(image)))


def _configured(model: PoseNetwork, stage: int | None, flip: bool | None, stages: bool
                ) -> PoseNetwork:
    """Return the network with settings as requested; it shares its weights with ``model``."""
    if not stages:
        model = model.until_stage(stage)
    elif len(model.stages) < model.num_stages:
        raise ConfigError(f'stages: this network was optimised for stage {model.stage} alone; '
                          'init_model without optimize makes one that has all')
    else:
        model = shallow_copy(model)
        if stage is not None:
            model.stage = stage_index(stage, model.num_stages)
    if flip is not None:
        model.flip = flip
    return model


def uncalibrated(model: PoseNetwork) -> str:
    """Return why a configured network gives no probabilities; '' if it does."""
    calibration = model.calibration
    if calibration is None:
        return 'these weights are not calibrated; hourglass test --calibrate does it'
    if (model.stage, model.flip) != (calibration.stage, calibration.flip):
        return (f'these weights are calibrated for stage {calibration.stage} '
                f"with{'' if calibration.flip else 'out'} the mirrored image, not for stage "
                f"{model.stage} with{'' if model.flip else 'out'} it")
    if getattr(model.network, 'agree', None) is not None:       # of early exit
        return (f'these weights are calibrated for stage {calibration.stage}, and with '
                'exit_tolerance people leave at earlier ones; leave one of the two out')
    return ''


@torch.no_grad()
def _run(model: PoseNetwork, people: list[_Person], heatmaps: bool, stages: bool, inputs: bool
         ) -> None:
    """Find the fields of Poses for a batch of people."""
    assert model.decode is not None
    crops = np.stack([person.crop for person in people]).transpose(0, 3, 1, 2)
    maps = model.heatmaps(torch.from_numpy(np.ascontiguousarray(crops)).to(model.mean.device))
    predicting = model.stages.index(model.stage)
    wanted = range(len(maps)) if stages else [predicting]
    decoded = {stage: [one.cpu().numpy() for one in model.decode(maps[stage])] for stage in wanted}
    for index, person in enumerate(people):
        meta = dict(input_size=model.input_size, input_center=person.center,
                    input_scale=person.sides)
        placed = {stage: to_image(keypoints[index], meta).astype(np.float32)
                  for stage, (keypoints, _) in decoded.items()}
        half = person.sides / 2
        person.found = dict(
            keypoints=placed[predicting], scores=decoded[predicting][1][index],
            boxes=np.concatenate([person.center - half, person.center + half]) + 0.5)
        if heatmaps:
            person.found['heatmaps'] = maps[predicting][index].cpu().numpy()
        if stages:
            person.found['stage_keypoints'] = np.stack(list(placed.values()))
        if stages and heatmaps:
            person.found['stage_heatmaps'] = torch.stack([one[index] for one in maps]).cpu().numpy()
        if inputs:
            person.found['inputs'] = person.crop
