"""Registered metrics: they collect predictions, and print and return what ``pck`` computes."""
from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from numpy import ndarray

from hourglass.errors import DataError
from hourglass.evaluation import pck
from hourglass.registry import METRICS


class _PCK(BaseMetric):
    """Collects each person's distances; subclasses say which numbers come of them.

    Predictions and ground truth are both 0-based image px: nothing is shifted here. The ground
    truth is the untouched annotation the data set put into ``raw_ann_info``.
    """

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            truth = sample['raw_ann_info']
            if not truth['pck_unit'] > 0:
                raise DataError(
                    f"{truth['picture']}, row {truth['row']}: no head box or torso to measure "
                    'PCK by (MPII: give the data set its head_box_file, mpii_gt_val.mat)')
            predicted = np.asarray(sample['pred_instances']['keypoints'])[:1]       # (1, K, 2)
            self.results.append(pck.normalised_distances(
                predicted, truth['keypoints_image'][None], np.array([truth['pck_unit']]))[0])

    def compute_metrics(self, results: list[ndarray]) -> dict[str, float]:
        scores = self.scores(np.stack(results))
        names, values = zip(*((f'{name:>8}', f'{value:{max(8, len(name))}.2f}')
                              for name, value in scores.items()), strict=True)
        MMLogger.get_current_instance().info('\n'.join((
            f'{self.title()} of {len(results)} people', '  '.join(names), '  '.join(values))))
        return scores

    def title(self) -> str:
        """What the numbers are, for the log."""
        raise NotImplementedError

    def scores(self, distances: ndarray) -> dict[str, float]:
        """(P, K) distances -> named percentages."""
        raise NotImplementedError


@METRICS.register_module()
class MpiiPCKh(_PCK):
    """PCKh as MPII's official evaluation counts it.

    The total pools the annotated joints of all people but pelvis and thorax; "Head" is the mean
    of upper neck and head top.

    Args:
        threshold: of the main numbers, in units of 0.6 x the head's diagonal. Official: 0.5.
    """

    default_prefix = 'mpii'
    GROUPS: Mapping[str, Sequence[int]] = dict(
        Head=(8, 9), Shoulder=(12, 13), Elbow=(11, 14), Wrist=(10, 15), Hip=(2, 3), Knee=(1, 4),
        Ankle=(0, 5))
    SCORED = tuple(joint for joint in range(16) if joint not in (6, 7))     # no pelvis, no thorax

    def __init__(self, threshold: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        self.threshold = threshold

    def title(self) -> str:
        return f'PCKh@{self.threshold:g} (official)'

    def scores(self, distances: ndarray) -> dict[str, float]:
        return {
            'PCKh': pck.pooled_pck(distances, self.threshold, self.SCORED),
            **pck.grouped_pck(distances, self.threshold, self.GROUPS),
            'PCKh@0.1': pck.pooled_pck(distances, 0.1, self.SCORED)}


@METRICS.register_module()
class FlicPCK(_PCK):
    """PCK by the torso, elbows and wrists: what the paper reports on FLIC.

    Args:
        threshold: in torso lengths. Paper: 0.2.
    """

    default_prefix = 'flic'
    GROUPS: Mapping[str, Sequence[int]] = dict(Elbow=(1, 4), Wrist=(2, 5), Shoulder=(0, 3))

    def __init__(self, threshold: float = 0.2, **kwargs):
        super().__init__(**kwargs)
        self.threshold = threshold

    def title(self) -> str:
        return f'PCK@{self.threshold:g} of the torso'

    def scores(self, distances: ndarray) -> dict[str, float]:
        return pck.grouped_pck(distances, self.threshold, self.GROUPS)
