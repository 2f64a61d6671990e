"""Registered metrics: they collect distances, and print and return the table of a protocol."""
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from numpy import ndarray

from hourglass.datasets.crop import to_image
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation import pck, protocols
from hourglass.evaluation.protocols import Protocol
from hourglass.evaluation.scored import Scored
from hourglass.io.files import replacing
from hourglass.registry import METRICS


class _PCK(BaseMetric):
    """Collects each person's distances; subclasses say which protocols there are.

    Predictions and ground truth are both 0-based image px: nothing is shifted here. The ground
    truth is the untouched annotation the data set put into ``raw_ann_info``. Every person counts
    once, however the data were spread over batches and ranks. Where the head gives the keypoints of
    all its stages (``all_stages`` in ``test_cfg``), each stage has a table of its own besides.

    Args:
        protocol: who counts; a name in :mod:`hourglass.evaluation.protocols`.
        people_file: write every person's row, image, predicted joints (0-based image px), scores
            and distances to this .json file; ``tools/evaluate.py`` reads it.
        kwargs: as for mmengine's ``BaseMetric``.

    Attributes:
        scored: what was scored last, :class:`hourglass.evaluation.scored.Scored`; None before, and
            in processes of a distributed run other than the first.
    """

    PROTOCOLS: Mapping[str, Protocol]

    def __init__(self, protocol: str, people_file: str | None = None, **kwargs):
        super().__init__(**kwargs)
        if protocol not in self.PROTOCOLS:
            raise ConfigError(f'{type(self).__name__}: protocol={protocol!r}, choose from '
                              f'{tuple(self.PROTOCOLS)}')
        self.protocol, self.people_file = self.PROTOCOLS[protocol], people_file
        self.scored: Scored | None = None

    @property
    def joints(self) -> list[str]:
        return [self.dataset_meta['keypoint_id2name'][i]
                for i in range(self.dataset_meta['num_keypoints'])]

    def scored_joints(self, truth: dict) -> ndarray:
        """(K, 2) the annotated joints of a person, NaN for what does not count."""
        return truth['keypoints_image']

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            truth, found = sample['raw_ann_info'], sample['pred_instances']
            predicted = _predictions(sample)                                    # (1 + N, K, 2)
            scored = np.broadcast_to(
                self.scored_joints(truth), (len(predicted), *truth['keypoints_image'].shape))
            where = f"{truth['image']}, row {truth['row']}"
            if predicted.shape != scored.shape:
                raise DataError(f'{where}: {predicted.shape[1]} joints predicted, '
                                f"{scored.shape[1]} annotated; set the network's num_keypoints")
            try:
                distances = self.protocol.distances(                            # (1 + N, L)
                    predicted, scored, np.full(len(predicted), truth['pck_unit']), self.joints)
            except pck.UnmeasuredError:
                raise DataError(f'{where}: no {self.protocol.unit_name} to measure by (MPII: give '
                                'the data set its head_box_file, mpii_gt_val.mat)') from None
            result = dict(id=sample['id'], distances=distances, occluded=truth['occluded'])
            if self.people_file:
                result['person'] = dict(
                    row=truth['row'], image=truth['image'], keypoints=predicted[0].tolist(),
                    scores=np.asarray(found['keypoint_scores'])[0].tolist(),
                    distances=[None if np.isnan(d) else d for d in distances[0].tolist()])
            self.results.append(result)

    def evaluate(self, size: int) -> dict[str, float]:
        self._size = size                   # compute_metrics, which mmengine calls, is not told
        return super().evaluate(size)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        people = {result['id']: result for result in results}       # padding repeats some
        if len(people) < self._size:
            raise DataError(f'{self._size - len(people)} of {self._size} people were not '
                            'predicted; the metric was not given every batch')
        if self.people_file:
            _write_people([people[key]['person'] for key in sorted(people)], self.joints,
                          self.people_file)
        self.scored = scored = Scored(
            self.protocol, self.joints, list(people),
            distances=np.stack([person['distances'] for person in people.values()], axis=1),
            occluded=np.stack([person['occluded'] for person in people.values()]))
        logger = MMLogger.get_current_instance()
        if np.isnan(scored.distances[0]).all():
            logger.info(f'{self.protocol.title}: nobody has annotated joints, so there is no score')
            return {}
        scores = scored.scores(0)
        logger.info(f'{self.protocol.title} of {len(people)} people\n'
                    + '\n'.join(_columns(scores)))
        for stage in range(scored.num_stages):
            stage_scores = scored.scores(1 + stage)
            logger.info(f'stage {stage}\n' + '\n'.join(_columns(stage_scores)))
            scores |= {f'stage{stage}/{name}': value for name, value in stage_scores.items()}
        return scores


def _predictions(sample: dict) -> ndarray:
    """(1 + N, K, 2) in image px: what the head predicts, then what each of its N stages does.

    N is 0 where the head does not give its stages.
    """
    found = sample['pred_instances']
    predicted = np.asarray(found['keypoints'])[:1, :, :2]
    if 'stage_keypoints' not in found:
        return predicted
    stages_input = np.asarray(found['stage_keypoints'])[0]                      # (N, K, 2)
    return np.concatenate([predicted, to_image(stages_input, sample)])


def _columns(scores: Mapping[str, float]) -> tuple[str, str]:
    names, values = zip(*((f'{name:>8}', f'{value:{max(8, len(name))}.2f}')
                          for name, value in scores.items()), strict=True)
    return '  '.join(names), '  '.join(values)


def _write_people(people: list[dict], joints: Sequence[str], path: str | Path) -> None:
    with replacing(Path(path)) as draft:
        draft.write_text(json.dumps(dict(base=0, joints=list(joints), people=people)),
                         encoding='utf-8')


@METRICS.register_module()
class MpiiPCKh(_PCK):
    """PCKh on MPII under a named protocol.

    Args:
        protocol: ``'official'``, ``'hrnet'``, ``'tompson'`` or ``'princeton'``.
        single_person_only: leave out who stands close to others, as the official score of the
            test set does; the data set must know who does (``tools/prepare_mpii.py``).
        kwargs: as for :class:`_PCK`.
    """

    default_prefix = 'mpii'
    PROTOCOLS = protocols.MPII

    def __init__(self, protocol: str = 'official', single_person_only: bool = False, **kwargs):
        super().__init__(protocol, **kwargs)
        self.single_person_only = single_person_only

    def scored_joints(self, truth: dict) -> ndarray:
        if not self.single_person_only:
            return super().scored_joints(truth)
        if truth['single_person'] is None:
            raise DataError(f"{truth['image']}, row {truth['row']}: not told whether this is a "
                            'single person; make the file with tools/prepare_mpii.py')
        keypoints_image = truth['keypoints_image']
        return keypoints_image if truth['single_person'] else np.full_like(keypoints_image, np.nan)


@METRICS.register_module()
class FlicPCK(_PCK):
    """PCK by the torso: the paper reports elbows and wrists."""

    default_prefix = 'flic'
    PROTOCOLS = protocols.FLIC

    def __init__(self, protocol: str = 'torso', **kwargs):
        super().__init__(protocol, **kwargs)


@METRICS.register_module()
class LspPCK(_PCK):
    """PCK or PCP on LSP, with its 14 joints or as a part of MPII's 16.

    Args:
        protocol: ``'torso'`` or ``'person'``, PCK@0.2 by the one or the other's size, or ``'pcp'``,
            the percentage of correct parts.
        kwargs: as for :class:`_PCK`.
    """

    default_prefix = 'lsp'
    PROTOCOLS = protocols.LSP

    def __init__(self, protocol: str = 'torso', **kwargs):
        super().__init__(protocol, **kwargs)


@METRICS.register_module()
class PCK(_PCK):
    """PCK of any skeleton, for data of your own: the config says what is in the table.

    Args:
        groups: row of the table -> names of the keypoints whose percentages it averages.
        threshold: what counts as found, in units; the curve ends there.
        unit: ``'given'`` by the data set (``Person.pck_unit``), or ``'person'``, the longer side of
            the box around the annotated keypoints.
        kwargs: as for :class:`_PCK`.
    """

    default_prefix = 'pck'

    def __init__(self, groups: Mapping[str, Sequence[str]], threshold: float = 0.2,
                 unit: str = 'given', **kwargs):
        units = dict(given="the data set's unit", person="the longer side of the person's box")
        if unit not in units:
            raise ConfigError(f'PCK: unit={unit!r}, choose from {tuple(units)}')
        scored = tuple(joint for joints in groups.values() for joint in joints)
        self.PROTOCOLS = dict(own=Protocol(
            'own', 'PCK', units[unit], groups, scored, threshold=threshold, curve=threshold,
            unit=unit))
        super().__init__('own', **kwargs)
