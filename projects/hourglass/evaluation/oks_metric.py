"""COCO's average precision as a metric of mmengine's runner."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from numpy import ndarray

from hourglass.datasets.skeletons import COCO_SIGMAS, keypoint_names
from hourglass.errors import DataError
from hourglass.evaluation.intervals import half_widths
from hourglass.evaluation.oks import average_precision, find_sigmas
from hourglass.evaluation.samples import converted_keypoints, people_once
from hourglass.io.files import without_nan
from hourglass.io.tables import number, plus_minus
from hourglass.registry import METRICS


@METRICS.register_module()
class OksAP(BaseMetric):
    """COCO's AP and AR on any data set of annotated people, ours or mmpose's, in percent.

    A prediction is scored by the mean of its keypoints' scores. Unlike mmpose's ``CocoMetric``, it
    suppresses no prediction that overlaps another (each belongs to an annotated person) and counts
    people only once in a distributed test.

    Args:
        sigmas: name of a keypoint -> its sigma, where neither the data set's skeleton nor COCO has
            one, or another is wanted.
        kwargs: as for mmengine's ``BaseMetric``.

    Raises:
        ConfigError: if a keypoint has no sigma.
        DataError: for people without annotations in COCO's form, or that were not predicted.
    """

    default_prefix = 'oks'

    def __init__(self, sigmas: Mapping[str, float] = {}, **kwargs: Any):
        super().__init__(**kwargs)
        self.given = sigmas
        self.intervals: dict[str, tuple[float, float]] = {}     # of the last evaluation's scores

    @property
    def sigmas(self) -> ndarray:
        names, sigmas = keypoint_names(self.dataset_meta), self.dataset_meta['sigmas']
        of_skeleton = dict(zip(names, map(float, sigmas))) if len(sigmas) else {}
        return find_sigmas(names, COCO_SIGMAS | of_skeleton | dict(self.given), 'OksAP, sigmas')

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            truth, found = sample.get('raw_ann_info', {}), sample['pred_instances']
            if not {'keypoints', 'bbox'} <= truth.keys():
                raise DataError(f"{sample['img_path']}: OKS needs an annotation in COCO's form, "
                                'with keypoints and bbox')
            converted = converted_keypoints(sample)
            if converted is not None:
                truth = truth | dict(keypoints=converted.ravel().tolist())
            kept = ('keypoints', 'bbox', 'area', 'iscrowd')
            self.results.append(dict(
                id=sample['id'], where=f"{sample['img_path']}, annotation {truth.get('id')}",
                image=sample['img_path'], truth={key: truth[key] for key in kept if key in truth},
                keypoints=np.asarray(found['keypoints'])[0, :, :2],
                score=float(np.mean(found['keypoint_scores'][0]))))

    def evaluate(self, size: int) -> dict[str, float]:
        self._size, self._sigmas = size, self.sigmas
        return super().evaluate(size)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        people = people_once(results, self._size)
        scores, self.intervals = average_precision(
            # two data sets may have equal ids of images
            [dict(person['truth'], image_id=person['image']) for person in people],
            [dict(person, image_id=person['image']) for person in people], self._sigmas)
        halves = half_widths(self.intervals)
        MMLogger.get_current_instance().info(f'OKS of {len(people)} people: ' + ', '.join(
            plus_minus(f'{name} {number(value)}', halves.get(name))
            for name, value in scores.items()))
        return without_nan(scores)
