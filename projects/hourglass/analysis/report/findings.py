"""The numbers of a report, from the distances that a metric collected."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from hourglass.evaluation import pck
from hourglass.evaluation.calibration import roc
from hourglass.evaluation.metrics import Scored
from hourglass.evaluation.protocols import Table
from hourglass.io.tables import markdown_table, number

Row = tuple[str, Table]                 # a name, and the scores of a part of the joints or people


def stage_rows(scored: Scored) -> list[Row]:
    """Return the table of the prediction, and of each stage if these were scored."""
    names = ['prediction', *(f'stage {stage}' for stage in range(scored.num_stages))]
    return list(zip(names, scored.tables))


def visibility_rows(scored: Scored) -> list[Row]:
    """Return the table of visible and of occluded joints; empty if no joint is occluded."""
    predicted, occluded = scored.distances[0], scored.occluded
    if not scored.of_keypoints or not (occluded & ~np.isnan(predicted)).any():
        return []
    return [(name, _table(scored, np.arange(len(predicted)), np.where(part, predicted, np.nan)))
            for name, part in (('visible', ~occluded), ('occluded', occluded))]


def size_rows(scored: Scored, sizes_image: ndarray, parts: int = 3) -> list[Row]:
    """Return the table for groups of people of similar size, with equal numbers of people.

    ``sizes_image`` are (P,) in image px; NaN leaves a person out.
    """
    order = np.argsort(sizes_image, kind='stable')[:np.isfinite(sizes_image).sum()]
    return [(f'{sizes_image[some].min():.0f} to {sizes_image[some].max():.0f} px '
             f'({len(some)} people)', _table(scored, some, scored.distances[0][some]))
            for some in np.array_split(order, parts) if len(some)]


def curves(scored: Scored) -> dict[str, tuple[ndarray, ndarray]]:
    """Return thresholds and percentages for the total and each group of the protocol."""
    thresholds = scored.protocol.thresholds
    found = scored.tables[0].curves(pck.count(scored.distances[0], thresholds))
    return {name: (thresholds, curve) for name, curve in found.items()}


def visible_roc(scored: Scored) -> tuple[ndarray, ndarray, float] | None:
    """Return how well peaks tell visible keypoints from occluded ones, as :func:`.roc` does.

    None if no keypoint is occluded, or limbs were measured.
    """
    if not scored.of_keypoints:
        return None
    annotated = ~np.isnan(scored.distances[0])
    visible = ~scored.occluded[annotated]
    return roc(scored.peaks[annotated], visible) if visible.any() and not visible.all() else None


def by_error(scored: Scored) -> ndarray:
    """Return the indices of the people with annotated joints, by mean distance, the worst first.

    A distance counts as twice the curve's end at most, so that one joint at the other end of the
    image does not decide.
    """
    errors = mean_distances(scored)
    return np.argsort(-errors, kind='stable')[:np.isfinite(errors).sum()]


def mean_distances(scored: Scored) -> ndarray:
    """Return (P,) the mean distances of :func:`by_error`; NaN without annotated joints."""
    distances = np.minimum(scored.distances[0], 2 * scored.protocol.curve)
    annotated = ~np.isnan(distances)
    return np.nansum(distances, axis=-1) / np.where(annotated.any(-1), annotated.sum(-1), np.nan)


def worst_table(scored: Scored, rows: Sequence[int], people: int) -> str:
    """Format a markdown table of the worst people, with their three furthest joints.

    ``rows`` (P,) are the people's in the annotation file. Distances are in units of the protocol,
    and the mean is that of :func:`by_error`.
    """
    errors, lines = mean_distances(scored), []
    for person in by_error(scored)[:people]:
        distances = scored.distances[0][person]
        annotated, wrong = (int(np.sum(part)) for part in (
            ~np.isnan(distances), distances > scored.protocol.threshold))
        furthest = np.argsort(-distances, kind='stable')[:min(3, annotated)]      # NaN last
        lines.append([
            str(rows[person]), scored.images[person], number(errors[person]),
            f'{wrong} of {annotated}',
            ', '.join(f"{scored.counted[joint].replace('_', ' ')} {distances[joint]:.2f}"
                      for joint in furthest)])
    return markdown_table(lines, ['row', 'image', 'mean distance', 'wrong joints', 'furthest'],
                          '><>><')


def _table(scored: Scored, people: ndarray, distances: ndarray) -> Table:
    """Make the table of some people (n,) by index, with (n, L) distances."""
    images = scored.resampled_images
    return Table.of(scored.protocol, distances, np.zeros_like(distances, bool),
                    [images[person] for person in people], scored.counted)
