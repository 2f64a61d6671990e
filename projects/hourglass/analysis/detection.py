"""Detectors compared on a data set: who gets a usable box, and how good the keypoints are."""
from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from time import process_time
from typing import Optional

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS
from numpy import ndarray

from hourglass.analysis.metric import first_metric
from hourglass.datasets.box_geometry import has_extent, is_usable, overlaps
from hourglass.datasets.person import PX_PER_SCALE
from hourglass.errors import ConfigError
from hourglass.evaluation.intervals import half_widths
from hourglass.evaluation.metrics import KeypointMetric
from hourglass.evaluation.protocols import Table, differences
from hourglass.inference.detectors import PersonDetector, find_detector
from hourglass.inference.model import load_model
from hourglass.inference.network import PoseNetwork
from hourglass.inference.predict import Poses, predict
from hourglass.io.images import read_image
from hourglass.io.tables import markdown_table, number, plus_minus

ANNOTATION = 'annotation'               # the crops of the data set, in the place of a detector
_Posed = tuple[dict, Poses, Optional[int]]      # a person, and whose pose this person is given
_Measured = tuple['Found', Optional[Table]]     # and the table of its score


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
    # the score less that of the first detector, and the bounds of its paired 95 % interval
    difference: float = np.nan
    lower: float = np.nan
    upper: float = np.nan


def measure_detectors(cfg: Config, weights: str, detectors: Sequence[str],
                      score: float | None = None) -> list[Found]:
    """Run each detector, and the network on its boxes, over the test images of a config.

    A person is given the pose of the box that overlaps most with the box around the annotated
    keypoints, and none if no box does. ``detectors`` are names for
    :func:`hourglass.inference.detectors.find_detector`, or :data:`ANNOTATION`; boxes of a lower
    ``score`` are left out, by default as there. Data or a metric that are not this package's raise
    ``ConfigError``.
    """
    if not isinstance(first_metric(cfg), KeypointMetric):
        raise ConfigError(f'{cfg.filename}: the first metric of test_evaluator has to be this '
                          "package's, such as hourglass.MpiiPCKh")
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
    scored = partial(_scored, metainfo=dataset.metainfo, cfg=cfg)
    measured = [
        _measure(model, in_crops, name, detect, scored) if detect else
        _annotated(scored(list(chain.from_iterable(in_crops.values()))))
        for name, detect in zip(detectors, detects)]
    return _compared(measured)


def _measure(model: PoseNetwork, in_crops: dict[str, list[_Posed]], name: str,
             detect: PersonDetector, scored: Callable[[Sequence[_Posed]], Table | None]
             ) -> _Measured:
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
    table = scored(everyone)
    return Found(name, 100 * float(np.mean(usable)) if usable else np.nan,
                 float(np.mean(boxes_of)), statistics.median(seconds), *_total(table),
                 _total(scored(with_box))[0], _total(scored(the_same))[0]), table


def _annotated(table: Table | None) -> _Measured:
    return Found(ANNOTATION, np.nan, np.nan, np.nan, *_total(table), np.nan, np.nan), table


def _compared(measured: Sequence[_Measured]) -> list[Found]:
    """Return what was found, with the differences of the others' scores from the first's."""
    (first, of_first), *others = measured
    compared = [first]
    for found, of_other in others:
        if of_first and of_other:
            difference, lower, upper = differences(of_other, of_first)['Total']
            found = replace(found, difference=difference, lower=lower, upper=upper)
        compared.append(found)
    return compared


def _scored(posed: Sequence[_Posed], metainfo: dict, cfg: Config) -> Table | None:
    """Return the table of people's poses; None of nobody, or without an annotated joint."""
    metric = first_metric(cfg)
    metric.dataset_meta = metainfo
    for person, poses, place in posed:
        keypoints = np.full(poses.keypoints.shape[1:], np.nan)
        scores = keypoints[:, 0]
        if place is not None:
            keypoints, scores = poses.keypoints[place], poses.scores[place]
        metric.process([], [person | dict(pred_instances=dict(
            keypoints=keypoints[None], keypoint_scores=scores[None]))])
    if posed:
        metric.evaluate(len(posed))
    return metric.scored.tables[0] if metric.scored else None


def _total(table: Table | None) -> tuple[float, float]:
    """Return the total and half the width of its 95 % interval, NaN without a table."""
    if table is None:
        return np.nan, np.nan
    return table.scores['Total'], half_widths(table.intervals)['Total']


def _best(boxes: ndarray, joints_image: ndarray) -> int | None:
    """Return the place of the box that overlaps most with the box around the joints, if any.

    Boxes (P, 5) count from the image's corner, joints (K, 2) from the middle of its first pixel.
    """
    around = np.r_[np.nanmin(joints_image, axis=0), np.nanmax(joints_image, axis=0)] + 0.5
    found = overlaps(around, boxes)
    return int(found.argmax()) if found.any() else None


def table(found: Sequence[Found]) -> str:
    """Format a markdown table, a row for each detector; several have paired differences, too."""
    header = ['detector', 'usable box, % of people', 'boxes an image', 'processor ms', 'score',
              'of those with a usable box', 'of the same, annotated crops']
    rows = [[one.detector, number(one.usable, '.1f'), number(one.boxes, '.1f'),
             number(1000 * one.seconds, '.0f'), plus_minus(number(one.score), one.half_width),
             number(one.usable_score), number(one.same_score)] for one in found]
    if len(found) > 1:
        header.append(f'score less that of {found[0].detector}, 95 % interval')
        for row, one in zip(rows, found):
            row.append(_difference(one))
    return markdown_table(rows, header)


def _difference(one: Found) -> str:
    if one.lower != one.lower:
        return number(one.difference, '+.2f')
    return f'{one.difference:+.2f} ({one.lower:+.2f} to {one.upper:+.2f})'
