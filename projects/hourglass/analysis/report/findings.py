"""What a report tells, out of the distances that a metric collected: numbers alone."""
import numpy as np
from numpy import ndarray

from hourglass.evaluation import pck
from hourglass.evaluation.metrics import Scored

Row = tuple[str, dict[str, float]]      # of a table: its name, and percent by column


def stage_rows(scored: Scored) -> list[Row]:
    """The protocol's table of the prediction, and of each stage where they were scored."""
    names = ['prediction', *(f'stage {stage}' for stage in range(scored.num_stages))]
    return [(name, scored.scores(which)) for which, name in enumerate(names)]


def visibility_rows(scored: Scored) -> list[Row]:
    """The table of visible and of occluded joints; empty where none is known to be occluded."""
    predicted, occluded = scored.distances[0], scored.occluded
    if occluded.shape != predicted.shape or not (occluded & ~np.isnan(predicted)).any():
        return []                       # limbs were measured, or nobody says what is hidden
    return [(name, _table(scored, np.where(part, predicted, np.nan)))
            for name, part in (('visible', ~occluded), ('occluded', occluded))]


def size_rows(scored: Scored, sizes_image: ndarray, parts: int = 3) -> list[Row]:
    """The table of people by their size in the image, px: as many small as large ones.

    Args:
        sizes_image: (P,) in the order of the people; NaN leaves a person out.
    """
    order = np.argsort(sizes_image, kind='stable')[:np.isfinite(sizes_image).sum()]
    return [(f'{sizes_image[some].min():.0f} to {sizes_image[some].max():.0f} px '
             f'({len(some)} people)', _table(scored, scored.distances[0][some]))
            for some in np.array_split(order, parts) if len(some)]


def curves(scored: Scored) -> dict[str, tuple[ndarray, ndarray]]:
    """Name of each row of the table -> thresholds and percentages."""
    counts = pck.count(scored.distances[0], scored.protocol.thresholds)
    names = scored.counted
    return {name: (counts.thresholds, curve) for name, curve in (
        ('Total', scored.protocol.total(counts, names)),
        *scored.protocol.curves(counts, names).items())}


def by_error(scored: Scored) -> ndarray:
    """Indices of the people with annotated joints, the worst first.

    Worst is the largest mean distance over a person's annotated joints; twice the curve's end
    stands for what is farther, so that one joint at the other end of the image does not decide.
    """
    distances = np.minimum(scored.distances[0], 2 * scored.protocol.curve)
    annotated = ~np.isnan(distances)
    people = np.flatnonzero(annotated.any(-1))
    errors = np.nanmean(distances[people], axis=-1)
    return people[np.argsort(-errors, kind='stable')]


def _table(scored: Scored, distances: ndarray) -> dict[str, float]:
    return scored.protocol.table(pck.count(distances, scored.protocol.thresholds), scored.counted)
