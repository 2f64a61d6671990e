"""The registered metric of a detector: who of the annotated people gets a usable box."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from hourglass.datasets.box_geometry import has_extent, is_usable, suppressed
from hourglass.evaluation.intervals import half_widths, interval95, resampled
from hourglass.io.files import without_nan
from hourglass.io.tables import markdown_table, number, plus_minus
from hourglass.registry import METRICS


@METRICS.register_module()
class UsableBoxes(BaseMetric):
    """Percentage of annotated people with a usable box, and the number of boxes of an image.

    Samples have boxes (P, 5) in image px as ``found``, ``image_size`` (w, h), and
    ``keypoints_image``, those of each person. Boxes are cut at the image's border and suppressed,
    as prediction does. People whose annotated joints span no area do not count, and are reported.

    Args:
        scores: boxes of a lower score are left out; a row of the table for each.
        overlap: of two boxes with a larger intersection over union, the better remains.
    """

    default_prefix = 'boxes'

    def __init__(self, scores: Sequence[float] = (0.2, 0.3, 0.4, 0.5), overlap: float = 0.5,
                 **kwargs: Any):
        super().__init__(**kwargs)
        self.scores, self.overlap = tuple(scores), overlap

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep for each score (usable, people, boxes, people who do not count) of each image."""
        for sample in data_samples:
            found = np.column_stack([
                sample['found'][:, :4].clip(0, np.tile(sample['image_size'], 2)),
                sample['found'][:, 4]])
            found = suppressed(found[(found[:, :2] < found[:, 2:4]).all(1)], self.overlap)
            kept = [found[found[:, 4] >= score] for score in self.scores]
            everyone = sample['keypoints_image']
            people = list(filter(has_extent, everyone))
            self.results.append([
                (sum(any(is_usable(box, joints) for box in boxes) for joints in people),
                 len(people), len(boxes), len(everyone) - len(people)) for boxes in kept])

    def compute_metrics(self, results: list) -> dict[str, float | None]:
        sums = np.array(results, float)                                 # (images, scores, 4)
        usable, people, boxes, left_out = np.moveaxis(sums.sum(0), -1, 0)
        if left_out[0]:
            MMLogger.get_current_instance().info(
                f'{left_out[0]:.0f} people do not count, as their annotated joints span no area')
        drawn = resampled(sums)
        with np.errstate(invalid='ignore'):             # nobody counts, in a resample at least
            self.intervals = {f'usable@{score}': interval95(100 * drawn[:, i, 0] / drawn[:, i, 1])
                              for i, score in enumerate(self.scores)}
            shares = dict(zip(self.intervals, 100 * usable / people))
        counts = {f'boxes@{score}': count / len(sums) for score, count in zip(self.scores, boxes)}
        widths = half_widths(self.intervals)
        MMLogger.get_current_instance().info('\n' + markdown_table(
            [[number(score), plus_minus(number(share), widths[name]), number(count)]
             for score, (name, share), count in zip(self.scores, shares.items(), counts.values())],
            ['score', 'usable box, % of people', 'boxes an image']))
        return without_nan(shares | counts)
