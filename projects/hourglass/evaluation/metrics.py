"""Registered metrics: they collect distances, log the table of a protocol and return it."""
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from numpy import ndarray

from hourglass.datasets.crop import to_image
from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation import pck
from hourglass.evaluation.protocols import Protocol, find_protocol
from hourglass.evaluation.tables import table
from hourglass.io.files import replacing
from hourglass.registry import METRICS


@dataclass
class Scored:
    """Distances of P people's predicted from annotated joints, as a metric collected them.

    They are in units of the person, and NaN where not annotated.
    """

    protocol: Protocol
    joints: Sequence[str]               # names of the K keypoints
    ids: Sequence[int]                  # (P,) of the people in their data set
    distances: ndarray                  # (1 + N, P, L) of the prediction, then of the N stages
    occluded: ndarray                   # (P, K) annotated, but hidden

    @property
    def num_stages(self) -> int:
        return len(self.distances) - 1

    @property
    def counted(self) -> Sequence[str]:
        """Names of the L joints, or limbs, counted."""
        return self.protocol.counted(self.joints)

    def scores(self, which: int) -> dict[str, float]:
        """Return the table in percent: 0 is the prediction, 1 and above the stages."""
        return self.protocol.scores(pck.count_apart(
            self.distances[which], self.occluded, self.protocol.thresholds), self.counted)


class _PCK(BaseMetric):
    """Base of the metrics.

    Predictions and ground truth, the unchanged annotation in ``raw_ann_info``, are both 0-based
    image px. Every person counts once, however the data were divided into batches and ranks. If the
    head gives the keypoints of all its stages (``all_stages`` in ``test_cfg``), each is scored.

    Args:
        protocol: a protocol, or the name of one in :mod:`hourglass.evaluation.protocols`; the first
            of the data set's by default.
        people_file: write row, image, predicted joints (0-based image px), scores and distances of
            every person to this .json file; ``hourglass evaluate`` reads it.
        kwargs: as for mmengine's ``BaseMetric``.
    """

    default_prefix: str                 # also the data set's name in PROTOCOLS

    def __init__(self, protocol: Protocol | str | None = None, people_file: str | None = None,
                 **kwargs: Any):
        super().__init__(**kwargs)
        self.protocol = (protocol if isinstance(protocol, Protocol)
                         else find_protocol(self.default_prefix, protocol))
        self.people_file = people_file
        self.scored: Scored | None = None       # of the last evaluation, in the first process

    @property
    def joints(self) -> list[str]:
        return keypoint_names(self.dataset_meta)

    def scored_joints(self, truth: dict) -> ndarray:
        """Return (K, 2) the annotated joints of a person, NaN for those that do not count."""
        return truth['keypoints_image']

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            truth, predicted = sample['raw_ann_info'], _predictions(sample)     # (1 + N, K, 2)
            annotated = self.scored_joints(truth)                               # (K, 2)
            where = f"{truth['image_name']}, row {truth['row']}"
            if predicted.shape[1:] != annotated.shape:
                raise DataError(f'{where}: {predicted.shape[1]} joints predicted, {len(annotated)} '
                                "annotated; set the network's num_keypoints")
            try:
                distances = self.protocol.distances(                            # (1 + N, L)
                    predicted, np.broadcast_to(annotated, predicted.shape),
                    np.full(len(predicted), truth['pck_unit']), self.joints)
            except pck.UnmeasuredError:
                raise DataError(f'{where}: no {self.protocol.unit_name} to measure by (MPII: give '
                                'the data set its head_box_file, mpii_gt_val.mat)') from None
            result = dict(id=sample['id'], distances=distances, occluded=truth['occluded'])
            if self.people_file:
                result['person'] = dict(
                    row=truth['row'], image_name=truth['image_name'],
                    keypoints=predicted[0].tolist(),
                    scores=np.asarray(sample['pred_instances']['keypoint_scores'])[0].tolist(),
                    distances=[None if np.isnan(d) else d for d in distances[0].tolist()])
            self.results.append(result)

    def evaluate(self, size: int) -> dict[str, float]:
        self._size = size                   # mmengine does not pass it on to compute_metrics
        return super().evaluate(size)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        people = {result['id']: result for result in results}       # padding repeats some
        if len(people) < self._size:
            raise DataError(f'{self._size - len(people)} of {self._size} people were not '
                            'predicted; the metric was not given every batch')
        if self.people_file:
            persons = [people[key]['person'] for key in sorted(people)]
            with replacing(Path(self.people_file)) as draft:
                draft.write_text(json.dumps(dict(base=0, joints=self.joints, people=persons)))
        distances = np.stack([person['distances'] for person in people.values()], axis=1)
        occluded = np.stack([person['occluded'] for person in people.values()])
        self.scored = Scored(self.protocol, self.joints, list(people), distances, occluded)
        logger, title = MMLogger.get_current_instance(), self.protocol.title
        if np.isnan(self.scored.distances[0]).all():
            logger.info(f'{title}: no joint is annotated, so there is no score')
            return {}
        scores = self.scored.scores(0)
        stages = {f'stage{i}': self.scored.scores(1 + i) for i in range(self.scored.num_stages)}
        rows = [(name, self.protocol.name, row)
                for name, row in dict(prediction=scores, **stages).items()]
        logger.info(f'{title} of {len(people)} people\n{table(rows)}')
        return scores | {f'{stage}/{name}': value for stage, row in stages.items()
                         for name, value in row.items()}


def _predictions(sample: dict) -> ndarray:
    """Return (1 + N, K, 2) in image px: the prediction, and that of each stage the head gives."""
    found = sample['pred_instances']
    predicted = np.asarray(found['keypoints'])[:1, :, :2]
    if 'stage_keypoints' not in found:
        return predicted
    stages_input = np.asarray(found['stage_keypoints'])[0]                      # (N, K, 2)
    return np.concatenate([predicted, to_image(stages_input, sample)])


@METRICS.register_module()
class MpiiPCKh(_PCK):
    """PCKh on MPII.

    Args:
        protocol: ``'official'`` (default), ``'hrnet'``, ``'tompson'`` or ``'princeton'``.
        single_person_only: leave out people who stand close to others, as the official score of the
            test set does; the data set must mark them (``hourglass prepare mpii``).
        kwargs: as for :class:`_PCK`.
    """

    default_prefix = 'mpii'

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
class FlicPCK(_PCK):
    """PCK by the torso: the paper reports elbows and wrists."""

    default_prefix = 'flic'


@METRICS.register_module()
class LspPCK(_PCK):
    """PCK or PCP on LSP, with its 14 joints or as a part of MPII's 16.

    The protocol is ``'torso'`` (default) or ``'person'``, PCK@0.2 in units of the torso or of the
    whole person, or ``'pcp'``, the percentage of correct parts.
    """

    default_prefix = 'lsp'


@METRICS.register_module()
class PCK(_PCK):
    """PCK of any skeleton, for your own data: the config defines the table.

    Args:
        groups: row of the table -> names of the keypoints that it averages.
        threshold: the largest distance that counts as correct, in units; the curve ends there.
        unit: ``'given'`` by the data set (``Person.pck_unit``), or ``'person'``, the longer side of
            the box around the annotated keypoints.
        kwargs: as for :class:`_PCK`.
    """

    default_prefix = 'pck'

    def __init__(self, groups: Mapping[str, Sequence[str]], threshold: float = 0.2,
                 unit: str = 'given', **kwargs: Any):
        units = dict(given="the data set's unit", person="the longer side of the person's box")
        if unit not in units:
            raise ConfigError(f'PCK: unit={unit!r}, choose from {tuple(units)}')
        super().__init__(Protocol(
            'own', 'PCK', units[unit], groups, scored=tuple(chain(*groups.values())),
            threshold=threshold, curve=threshold, unit=unit), **kwargs)
