"""Detectors compared on a data set: who gets a usable box, and how good the keypoints are."""
from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import chain
from time import process_time
from typing import Any, Optional

import numpy as np
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS
from numpy import ndarray

from hourglass.datasets.box_geometry import has_extent, is_usable, overlaps
from hourglass.datasets.person import PX_PER_SCALE
from hourglass.errors import ConfigError
from hourglass.evaluation.intervals import half_widths
from hourglass.inference.detectors import PersonDetector, find_detector
from hourglass.inference.model import load_model
from hourglass.inference.network import PoseNetwork
from hourglass.inference.predict import Poses, predict
from hourglass.io.images import read_image
from hourglass.io.tables import markdown_table, number, plus_minus

ANNOTATION = 'annotation'               # the crops of the data set, in the place of a detector
_Posed = tuple[dict, Poses, Optional[int]]      # a person, and whose pose this person is given


@dataclass
class Found:
    """What a detector finds; what it has no number for is NaN."""

    detector: str
    usable: float                       # percentage of the annotated people with a usable box
    boxes: float                        # mean number in an image
    seconds: float                      # of processor time, median of an image
    score: float                        # total of the config's metric
    half_width: float                   # of the score's 95 % interval
    usable_score: float                 # of the people with a usable box alone
    same_score: float                   # of these people, with the crops of the data set


def measure_detectors(cfg: Config, weights: str, detectors: Sequence[str],
                      score: float | None = None) -> list[Found]:
    """Run each detector, and the network on its boxes, over the test images of a config.

    A person is given the pose of the box that overlaps most with the box around the annotated
    keypoints, and none if no box does. ``detectors`` are names for
    :func:`hourglass.inference.detectors.find_detector`, or :data:`ANNOTATION`; boxes of a lower
    ``score`` are left out, by default as there.
    """
    model = load_model(cfg, weights)
    detects = [None if name == ANNOTATION else find_detector(name, score) for name in detectors]
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    by_image = defaultdict(list)
    for index in range(len(dataset)):
        person = dataset.get_data_info(index)
        if not {'bbox_center', 'raw_ann_info'} <= person.keys() or (
                'keypoints_image' not in person['raw_ann_info']):
            raise ConfigError(f'{cfg.filename}: detectors are measured on a data set of people of '
                              f'hourglass, not a {type(dataset).__name__}')
        by_image[person['img_path']].append(person)
    in_crops: dict[str, list[_Posed]] = {}      # as annotated, by image
    for path, people in by_image.items():
        poses = predict(model, read_image(path, people[0].get('bits')),
                        centers=[one['bbox_center'][0] for one in people],
                        scales=[one['bbox_scale'][0, 0] / PX_PER_SCALE for one in people])
        in_crops[path] = [(person, poses, place) for place, person in enumerate(people)]
    total = partial(_total, metainfo=dataset.metainfo, evaluator=cfg.test_evaluator)
    score_of_crops, half_width = total(list(chain.from_iterable(in_crops.values())))
    return [_measure(model, in_crops, name, detect, total) if detect else
            Found(name, np.nan, np.nan, np.nan, score_of_crops, half_width, np.nan, np.nan)
            for name, detect in zip(detectors, detects)]


def _measure(model: PoseNetwork, in_crops: dict[str, list[_Posed]], name: str,
             detect: PersonDetector, total: Callable[[Sequence[_Posed]], tuple[float, float]]
             ) -> Found:
    boxes_of, seconds, usable = [], [], []
    everyone: list[_Posed] = []
    with_box: list[_Posed] = []
    the_same: list[_Posed] = []
    for path, annotated in in_crops.items():
        image = read_image(path, annotated[0][0].get('bits'))
        start = process_time()
        boxes = detect(image, path)
        seconds.append(process_time() - start)
        boxes_of.append(len(boxes))
        poses = predict(model, image, boxes)
        for in_crop in annotated:
            joints = in_crop[0]['raw_ann_info']['keypoints_image']
            everyone.append((in_crop[0], poses, _best(boxes, joints)))
            has_box = any(is_usable(box, joints) for box in boxes)
            if has_extent(joints):
                usable.append(has_box)
            if has_box:
                with_box.append(everyone[-1])
                the_same.append(in_crop)
    return Found(name, 100 * float(np.mean(usable)), float(np.mean(boxes_of)),
                 statistics.median(seconds), *total(everyone), total(with_box)[0],
                 total(the_same)[0])


def _total(posed: Sequence[_Posed], metainfo: dict, evaluator: Any) -> tuple[float, float]:
    """Return the total of people and half the width of its interval; NaN of nobody."""
    metric = Evaluator(deepcopy(evaluator)).metrics[0]
    metric.dataset_meta = metainfo
    for person, poses, place in posed:
        keypoints = np.full(poses.keypoints.shape[1:], np.nan)
        scores = keypoints[:, 0]
        if place is not None:
            keypoints, scores = poses.keypoints[place], poses.scores[place]
        metric.process([], [person | dict(pred_instances=dict(
            keypoints=keypoints[None], keypoint_scores=scores[None]))])
    if not posed:
        return np.nan, np.nan
    total = metric.evaluate(len(posed))[f'{metric.prefix}/Total']
    return total, half_widths(metric.intervals).get('Total', np.nan)


def _best(boxes: ndarray, joints_image: ndarray) -> int | None:
    """Return the place of the box that overlaps most with the box around the joints, if any.

    Boxes (P, 5) count from the image's corner, joints (K, 2) from the middle of its first pixel.
    """
    around = np.r_[np.nanmin(joints_image, axis=0), np.nanmax(joints_image, axis=0)] + 0.5
    found = overlaps(around, boxes)
    return int(found.argmax()) if found.any() else None


def table(found: Sequence[Found]) -> str:
    """Format a markdown table, a row for each detector."""
    return markdown_table(
        [[one.detector, number(one.usable, '.1f'), number(one.boxes, '.1f'),
          number(1000 * one.seconds, '.0f'), plus_minus(number(one.score), one.half_width),
          number(one.usable_score), number(one.same_score)] for one in found],
        ['detector', 'usable box, % of people', 'boxes an image', 'processor ms', 'score',
         'of those with a usable box', 'of the same, annotated crops'])
