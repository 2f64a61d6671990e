"""From images to keypoints."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.structures import PoseDataSample
from numpy import ndarray

from hourglass.datasets.crop import crop_around
from hourglass.errors import ConfigError, DataError
from hourglass.inference.stages import until_stage
from hourglass.io.images import ImageLike, as_image
from hourglass.models.stages import num_stages, shallow_copy, stage_index


@dataclass
class Poses:
    """The people of one image: P of them, with K keypoints from N stages.

    Attributes:
        keypoints: (P, K, 2) x, y in image px: 0 is the middle of the first pixel.
        scores: (P, K) height of the heatmaps' peaks, about 1 where the network is sure.
        boxes: (P, 4) x1, y1, x2, y2 of the squares that the network saw, image px, from the
            image's corner: (0, 0, w, h) is all of it.
        whole_image: nobody said where people are, so one was looked for in the whole image.
        image_size: (w, h).
        heatmaps: (P, K, h, w), if asked for.
        stage_keypoints: (P, N, K, 2) image px of every stage, if asked for.
        stage_heatmaps: (P, N, K, h, w), if stages and heatmaps were asked for.
        inputs: (P, H, W, 3) uint8 BGR, what the network saw, if asked for.
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


def predict(model: TopdownPoseEstimator, images: ImageLike | Sequence[ImageLike],
            boxes: Sequence | None = None, centers: Sequence | None = None,
            scales: Sequence | None = None, *, stage: int | None = None, flip: bool | None = None,
            heatmaps: bool = False, stages: bool = False, inputs: bool = False,
            padding: float = 1.25, batch_size: int = 32) -> Poses | list[Poses]:
    """Find the keypoints of people in images.

    Where people are is said by boxes, or by centres and scales, or by neither: then one person is
    looked for in the square around the whole image, and the result says so.

    Args:
        model: of :func:`hourglass.apis.init_model`.
        images: one image, or a list: paths, Pillow images, or arrays of uint8 or uint16 (BGR
            as OpenCV reads them, BGRA or grey).
        boxes: for one image (P, 4), x1, y1, x2, y2 in image px around each person, as detectors
            give them (further columns, such as a score, are not read); for a list of images a
            list of these, None for a whole image. No box means nobody: P = 0.
        centers: (P, 2) middles of square crops in image px, 0-based; a list of these for a list.
        scales: (P,) sides of these crops in units of 200 px, as MPII's (the authors' further factor
            of 1.25 is part of it); a list of these for a list.
        stage: whose heatmaps are decoded, 0 the first, -1 the last; default the config's.
        flip: average with the mirrored image; default the config's.
        heatmaps, stages, inputs: return these, too; see :class:`Poses`.
        padding: how much larger than the box's longer side the crop is.
        batch_size: of people.

    Returns:
        :class:`Poses` for one image; a list of these for a list.

    Raises:
        DataError: for an image, box, centre or scale that is none.
        ConfigError: for a stage that does not exist.
    """
    options = dict(stage=stage, flip=flip, heatmaps=heatmaps, stages=stages)
    if not isinstance(images, list | tuple):
        places = [None if place is None else [place] for place in (boxes, centers, scales)]
        return predict(model, [images], *places, **options, inputs=inputs, padding=padding,
                       batch_size=batch_size)[0]
    places = _for_each(images, boxes=boxes, centers=centers, scales=scales)
    results, people, waiting = [], [], []
    model = _arranged(model, **options)
    scope = DefaultScope.overwrite_default_scope(model.cfg.get('default_scope', 'mmpose'))
    with torch.no_grad(), scope:
        pipeline = Compose(model.cfg.test_dataloader.dataset.pipeline)
        for index, (source, place) in enumerate(zip(images, places, strict=True)):
            image = as_image(source)
            name = str(source) if isinstance(source, str | Path) else f'image {index}'
            size = (image.shape[1], image.shape[0])
            for crop in _crops(place, size, padding, name):
                waiting.append(_Person(index, *_packed(model, pipeline, image, *crop)))
                if len(waiting) >= batch_size:
                    people += _run(model, waiting)
                    waiting = []
            results.append((size, all(given is None for given in place.values())))
        people += _run(model, waiting)
    num_keypoints = model.dataset_meta['num_keypoints']
    return [_poses([person for person in people if person.image == index], num_keypoints, size,
                   whole_image, inputs) for index, (size, whole_image) in enumerate(results)]


def _for_each(images: Sequence, **places: Sequence | None) -> list[dict]:
    """What was said of where people are, image by image."""
    for name, given in places.items():
        if given is not None and len(given) != len(images):
            raise DataError(f'{name}: {len(given)} given for {len(images)} images; give one '
                            'entry for each')
    return [{name: None if given is None else given[index] for name, given in places.items()}
            for index in range(len(images))]


def _crops(place: dict, image_size: tuple[int, int], padding: float, name: str
           ) -> list[tuple[ndarray, float]]:
    """The middle (2,) and the side, image px, of every person's square crop."""
    boxes, centers, scales = place['boxes'], place['centers'], place['scales']
    if (centers is None) != (scales is None) or (boxes is not None and centers is not None):
        raise DataError(f'{name}: give boxes, or centers and scales, or neither')
    if centers is not None:
        middles, sides = _numbers(centers, 2, 'centers', name), 200 * np.ravel(
            _numbers(np.reshape(scales, (-1, 1)), 1, 'scales', name))
        if len(middles) != len(sides):
            raise DataError(f'{name}: {len(middles)} centers and {len(sides)} scales; one scale '
                            'for each centre needed')
        crops = list(zip(middles, sides.tolist(), strict=True))
    else:
        corners = _numbers([(0, 0, *image_size)] if boxes is None else boxes, 4, 'boxes', name)
        for box in corners:
            if (box[:2] >= box[2:]).any():
                raise DataError(f'{name}: box {box.tolist()} has no area; give x1, y1, x2, y2 with '
                                'x1 < x2 and y1 < y2')
        crops = [crop_around(box, image_size, padding) for box in corners]
    for middle, side in crops:
        if side <= 0 or (np.abs(middle - (np.array(image_size) - 1) / 2)
                         >= (side + np.array(image_size)) / 2).any():
            raise DataError(f'{name}: a crop of {side:.0f} px around {middle.tolist()} shows '
                            f'nothing of the {image_size[0]}x{image_size[1]} image')
    return crops


def _numbers(rows: Sequence, columns: int, what: str, name: str) -> ndarray:
    """(P, columns) finite numbers; a box may have more columns, and there may be nobody."""
    try:
        numbers = np.asarray(rows, float)
    except (TypeError, ValueError):
        raise DataError(f'{name}: {what} are no table of numbers') from None
    if numbers.size == 0:
        return numbers.reshape(0, columns)
    if numbers.ndim != 2 or numbers.shape[1] < columns:
        raise DataError(f'{name}: {what} of shape {numbers.shape}, (P, {columns}) needed')
    numbers = numbers[:, :columns]
    if not np.isfinite(numbers).all():
        raise DataError(f'{name}: {what} hold {numbers.tolist()}, finite numbers needed')
    return numbers


@dataclass
class _Person:
    """One crop on its way through the network.

    Attributes:
        image: index of the image.
        shrunk_by: the image was made this much smaller before it was cropped.
        packed: ``inputs`` and ``data_samples``, as mmpose's pipeline packs them.
        found: the estimator's answer.
    """

    image: int
    shrunk_by: float
    packed: dict
    found: PoseDataSample | None = None


def _packed(model: TopdownPoseEstimator, pipeline: Compose, image: ndarray,
            center_image: ndarray, side_image: float) -> tuple[float, dict]:
    """How much smaller the image was made, and what the pipeline makes of the crop.

    The crop takes single pixels of the image. Where it shrinks by more than two, the image is
    averaged down to twice the input first, as the authors' code does (``img.lua``).
    """
    input_size = model.cfg.model.head.decoder['input_size']
    shrunk_by = max(1.0, side_image / (2 * max(input_size)))
    if min(image.shape[:2]) / shrunk_by < 0.5:
        raise DataError(f'a crop of {side_image:.0f} px makes less than a pixel of an image of '
                        f'{image.shape[1]}x{image.shape[0]}; give a box around a person')
    if shrunk_by > 1:                   # by fx and fy: a size in whole px would round the factor
        image = cv2.resize(image, None, fx=1 / shrunk_by, fy=1 / shrunk_by,
                             interpolation=cv2.INTER_AREA)
    half = side_image / 2
    sample = dict(
        img=image, id=0, img_id=0, img_path='', category_id=1,
        bbox=np.concatenate([center_image - half, center_image + half]).astype(np.float32)[None],
        bbox_score=np.ones(1, np.float32),
        bbox_center=((center_image + 0.5) / shrunk_by - 0.5).astype(np.float32)[None],
        bbox_scale=np.full((1, 2), side_image / shrunk_by, np.float32))
    return shrunk_by, pipeline(sample | model.dataset_meta)


def _arranged(model: TopdownPoseEstimator, stage: int | None, flip: bool | None, heatmaps: bool,
              stages: bool) -> TopdownPoseEstimator:
    """The estimator with settings as asked; weights are shared, the model stays as it is."""
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


def _run(model: TopdownPoseEstimator, people: list[_Person]) -> list[_Person]:
    """The same people, with what the estimator found."""
    if people:
        found = model.test_step(pseudo_collate([person.packed for person in people]))
        for person, sample in zip(people, found, strict=True):
            person.found = sample
    return people


def _poses(people: list[_Person], num_keypoints: int, image_size: tuple[int, int],
           whole_image: bool, inputs: bool) -> Poses:
    found = [_one(person, inputs) for person in people]

    def stacked(name: str, *empty: int) -> ndarray | None:
        if found:
            return np.stack([one[name] for one in found]) if name in found[0] else None
        return np.zeros((0, *empty)) if empty else None
    return Poses(
        stacked('keypoints', num_keypoints, 2), stacked('scores', num_keypoints),
        stacked('box', 4), whole_image, image_size, stacked('heatmaps'),
        stacked('stage_keypoints'), stacked('stage_heatmaps'), stacked('inputs'))


def _one(person: _Person, inputs: bool) -> dict[str, ndarray]:
    """What is known of one person, in px of the image as it was given."""
    found, meta = person.found.pred_instances, person.found.metainfo

    def to_image(keypoints: ndarray) -> ndarray:
        return (keypoints + 0.5) * person.shrunk_by - 0.5
    half = meta['input_scale'] / 2
    corners = np.concatenate([meta['input_center'] - half, meta['input_center'] + half])
    one = dict(keypoints=to_image(found.keypoints[0, :, :2]), scores=found.keypoint_scores[0],
               box=to_image(corners) + 0.5)
    if 'pred_fields' in person.found:
        one['heatmaps'] = person.found.pred_fields.heatmaps.cpu().numpy()
    if 'stage_keypoints' in found:
        one['stage_keypoints'] = to_image(to_image(found.stage_keypoints[0], meta))
    if 'stage_heatmaps' in found:
        one['stage_heatmaps'] = found.stage_heatmaps[0].cpu().numpy()
    if inputs:
        one['inputs'] = person.packed['inputs'].permute(1, 2, 0).numpy()
    return one
