"""Registered metrics: they collect distances, log the table of a protocol and return it."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from numpy import ndarray

from hourglass.datasets.base import SAMPLE_IDS
from hourglass.datasets.crop import to_image
from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import DataError
from hourglass.evaluation import pck
from hourglass.evaluation.pck import People
from hourglass.evaluation.protocols import PARTS, Protocol, Table, find_protocol
from hourglass.evaluation.samples import annotation_of, people_once
from hourglass.evaluation.tables import format_rows, table_rows
from hourglass.io.files import without_nan, write_json
from hourglass.registry import METRICS


@dataclass
class Scored:
    """Distances of P people's predicted from annotated joints, as a metric collected them.

    They are in units of the person, and NaN where not annotated. The people are in order of id.
    """

    protocol: Protocol
    joints: Sequence[str]               # names of the K keypoints
    ids: Sequence[int]                  # (P,) of the people in their data set
    images: Sequence[str]               # (P,) names of their images
    distances: ndarray                  # (1 + N, P, L) of the prediction, then of the N stages
    occluded: ndarray                   # (P, K) annotated, but hidden
    peaks: ndarray                      # (P, K) scores of the prediction

    @property
    def num_stages(self) -> int:
        return len(self.distances) - 1

    @property
    def of_keypoints(self) -> bool:
        """Whether keypoints are counted, and not limbs."""
        return self.distances.shape[1:] == self.occluded.shape

    @property
    def counted(self) -> Sequence[str]:
        """Names of the L joints, or limbs, counted."""
        return self.protocol.counted(self.joints)

    @property
    def resampled_images(self) -> list[str]:
        """(P,) the images that intervals resample; those of joined data sets may have one name."""
        return [f'{number // SAMPLE_IDS} {name}' for number, name in zip(self.ids, self.images)]

    @cached_property
    def tables(self) -> list[Table]:
        """The table of the prediction, then of the N stages."""
        return [Table.of(self.protocol, distances, self.occluded, self.resampled_images,
                         self.counted) for distances in self.distances]


class KeypointMetric(BaseMetric):
    """Base of the metrics.

    Predictions and ground truth (:func:`.samples.annotation_of`) are both 0-based image px. Every
    person counts once, however the data were divided into batches and ranks. If the head gives the
    keypoints of all its stages (``all_stages`` in ``test_cfg``), each is scored. A score without an
    annotated keypoint is None, as JSON has no NaN.

    Args:
        protocol: a protocol, or the name of one in :mod:`hourglass.evaluation.protocols`; the first
            of the data set's by default.
        people_file: write row, image, predicted joints (0-based image px), scores and distances of
            every person to this .json file; ``hourglass evaluate mpii``, ``flic`` and ``lsp`` read
            it.
        kwargs: as for mmengine's ``BaseMetric``.
    """

    default_prefix: str                 # also the data set's name in PROTOCOLS
    # what to do about a person without a unit
    advice = 'give the data set its pck_unit or bbox_image, or the metric another unit'

    def __init__(self, protocol: Protocol | str | None = None, people_file: str | None = None,
                 **kwargs: Any):
        super().__init__(**kwargs)
        self.protocol = (protocol if isinstance(protocol, Protocol)
                         else find_protocol(self.default_prefix, protocol))
        self.people_file = people_file
        # of the last evaluation in the first process; None if it had no score
        self.scored: Scored | None = None

    @property
    def dataset_meta(self) -> dict:
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        """Take the data set's metainfo; a joint it lacks is a ``ConfigError``, before any test."""
        self._dataset_meta = dataset_meta
        self.protocol.check(dataset_meta['dataset_name'], self.joints)

    @property
    def joints(self) -> list[str]:
        return keypoint_names(self.dataset_meta)

    @property
    def columns(self) -> list[str]:
        """Names of the prediction's scores as in the metrics' dict."""
        return [f'{self.prefix}/{name}' for name in (*self.protocol.columns, *PARTS)]

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Bounds of the 95 % intervals of the prediction's scores."""
        return self.scored.tables[0].intervals if self.scored else {}

    def scored_joints(self, truth: dict) -> ndarray:
        """Return (K, 2) the annotated joints of a person, NaN for those that do not count."""
        return truth['keypoints_image']

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            truth, predicted = annotation_of(sample), _predictions(sample)      # (1 + N, K, 2)
            annotated = self.scored_joints(truth)                               # (K, 2)
            where = f"{truth['image_name']}, row {truth['row']}"
            if predicted.shape[1:] != annotated.shape:
                raise DataError(f'{where}: {predicted.shape[1]} joints predicted, {len(annotated)} '
                                "annotated; set the network's num_keypoints")
            people = People.of([truth | dict(keypoints_image=annotated)] * len(predicted))
            try:
                distances = self.protocol.distances(predicted, people, self.joints)     # (1 + N, L)
            except pck.UnmeasuredError:
                raise DataError(f'{where}: {self.protocol.unit_name} cannot be measured; '
                                f'{self.advice}') from None
            peaks = np.asarray(sample['pred_instances']['keypoint_scores'])[0]              # (K,)
            result = dict(
                id=sample['id'], where=where, image=truth['image_name'], distances=distances,
                occluded=truth['occluded'], peaks=peaks,
                left_out=bool(np.isnan(distances).all() and not np.isnan(annotated).all()))
            if self.people_file:
                result['person'] = dict(
                    row=truth['row'], image_name=truth['image_name'],
                    keypoints=predicted[0].tolist(), scores=peaks.tolist(),
                    distances=[None if np.isnan(d) else d for d in distances[0].tolist()])
            self.results.append(result)

    def evaluate(self, size: int) -> dict[str, float | None]:
        self._size = size                   # mmengine does not pass it on to compute_metrics
        return super().evaluate(size)

    def compute_metrics(self, results: list[dict]) -> dict[str, float | None]:
        people = people_once(results, self._size)
        if self.people_file:
            write_json(Path(self.people_file), dict(base=0, joints=self.joints, people=[
                person['person'] for person in people]))
        self.scored = Scored(
            self.protocol, self.joints, [person['id'] for person in people],
            [person['image'] for person in people],
            np.stack([person['distances'] for person in people], axis=1),
            np.stack([person['occluded'] for person in people]),
            np.stack([person['peaks'] for person in people]))
        logger, title = MMLogger.get_current_instance(), self.protocol.title
        left_out = sum(person['left_out'] for person in people)
        if left_out:
            logger.warning(f'{title}: {left_out} of {len(people)} people do not count, as '
                           f'{self.protocol.unit_name} cannot be measured')
        if np.isnan(self.scored.distances[0]).all():
            logger.info(f'{title}: no annotated joint counts, so there is no score')
            self.scored = None
            return {}
        prediction, *stages = self.scored.tables
        rows = [*table_rows('prediction', prediction),
                *((f'stage{i}', self.protocol.name, table.scores)
                  for i, table in enumerate(stages))]
        logger.info(f'{title} of {len(people)} people\n{format_rows(rows)}')
        return without_nan(prediction.scores | {
            f'stage{i}/{name}': score for i, table in enumerate(stages)
            for name, score in table.scores.items()})


def _predictions(sample: dict) -> ndarray:
    """Return (1 + N, K, 2) in image px: the prediction, and that of each stage the head gives."""
    found = sample['pred_instances']
    predicted = np.asarray(found['keypoints'])[:1, :, :2]
    if 'stage_keypoints' not in found:
        return predicted
    stages_input = np.asarray(found['stage_keypoints'])[0]                      # (N, K, 2)
    return np.concatenate([predicted, to_image(stages_input, sample)])


@METRICS.register_module()
class MpiiPCKh(KeypointMetric):
    """PCKh on MPII.

    Args:
        protocol: ``'official'`` (default), ``'hrnet'``, ``'tompson'`` or ``'princeton'``.
        single_person_only: leave out people who stand close to others, as the official score of the
            test set does; the data set must mark them (``hourglass prepare mpii``).
        kwargs: as for :class:`KeypointMetric`.
    """

    default_prefix = 'mpii'
    advice = 'give the data set its head_box_file, mpii_gt_val.mat'

    def __init__(self, protocol: str | None = None, single_person_only: bool = False,
                 **kwargs: Any):
        super().__init__(protocol, **kwargs)
        self.single_person_only = single_person_only

    def scored_joints(self, truth: dict) -> ndarray:
        keypoints_image = super().scored_joints(truth)
        if not self.single_person_only or truth['single_person']:
            return keypoints_image
        if truth['single_person'] is None:
            raise DataError(f"{truth['image_name']}, row {truth['row']}: not marked whether this "
                            'is a single person; make the file with hourglass prepare mpii')
        return np.full_like(keypoints_image, np.nan)


@METRICS.register_module()
class FlicPCK(KeypointMetric):
    """PCK@0.2 by the torso: papers report elbows and wrists.

    The protocol is ``'torso'`` (default), in units of the person's own right shoulder to left hip
    as in the paper's files, or ``'modec'``, left shoulder to right hip.
    """

    default_prefix = 'flic'
    advice = 'a shoulder or hip of it is not labelled'


@METRICS.register_module()
class LspPCK(KeypointMetric):
    """PCK or PCP on LSP, with its 14 joints or as a part of MPII's 16.

    The protocol is ``'official'`` (default) or ``'person'``, PCK@0.2 in units of the torso (left
    shoulder to right hip) or of the whole person, or ``'pcp'``, the percentage of correct parts.
    """

    default_prefix = 'lsp'
    advice = "a shoulder or hip of it is not labelled; take protocol='person'"
