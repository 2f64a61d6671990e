"""Average precision by object keypoint similarity (OKS), computed by COCO's own evaluation."""
import contextlib
import io
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.datasets.person import AREA_OF_BOX
from hourglass.errors import ConfigError
from hourglass.evaluation.intervals import by_image, draws, image_index, interval95

_STATS = ('AP', 'AP50', 'AP75', 'AP-medium', 'AP-large',
          'AR', 'AR50', 'AR75', 'AR-medium', 'AR-large')
_FAR = 1e9                              # px: a keypoint that was not predicted matches nothing


def average_precision(annotations: Sequence[dict], found: Sequence[dict], sigmas: ndarray
                      ) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Return COCO's AP and AR in percent, and the 95 % intervals of those for people of any size.

    A range of sizes without people has NaN.

    Args:
        annotations: people in COCO's form: ``image_id``, ``keypoints``, ``bbox`` and, if they are
            known, ``area`` (if missing or 0: 0.53 of the box, as in mmpose) and ``iscrowd``.
        found: ``image_id``, ``keypoints`` (K, 2) in image px, NaN where not predicted, and
            ``score`` of each prediction. COCO takes the 20 with the highest of each image.
        sigmas: (K,) deviations of annotators, as :data:`.skeletons.COCO_SIGMAS`.
    """
    from xtcocotools.coco import COCO
    from xtcocotools.cocoeval import COCOeval
    results = []
    for person in found:
        triples = np.column_stack([np.nan_to_num(person['keypoints'], nan=_FAR), np.ones_like(
            sigmas)])                                                           # (K, 3)
        results.append(dict(image_id=person['image_id'], category_id=1,
                            keypoints=triples.ravel().tolist(), score=float(person['score'])))
    truth = COCO()
    truth.dataset = dict(
        images=[dict(id=i) for i in dict.fromkeys(
            one['image_id'] for one in (*annotations, *found))],
        categories=[dict(id=1, name='person')],
        annotations=[dict(
            iscrowd=0) | one | dict(
            area=one.get('area') or AREA_OF_BOX * one['bbox'][2] * one['bbox'][3],
            category_id=1, id=place, num_keypoints=np.count_nonzero(one['keypoints'][2::3]))
                     for place, one in enumerate(annotations, 1)])              # 0: no match
    with contextlib.redirect_stdout(io.StringIO()):         # it prints its progress and a table
        truth.createIndex()
        predicted = truth.loadRes(results) if results else COCO()   # it refuses an empty list
        for one, person in zip(predicted.dataset.get('annotations', ()), found):
            one['area'] = _area(person['keypoints'])    # COCO's would hold those far away, too
        evaluation = COCOeval(truth, predicted, 'keypoints', sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return ({name: 100 * float(value) if value >= 0 else np.nan
             for name, value in zip(_STATS, evaluation.stats)}, _intervals(evaluation))


def _area(keypoints: ndarray) -> float:
    """Return the area in px^2 around the keypoints (K, 2) that are not NaN.

    COCO ignores a wrong prediction of an area outside the range of sizes.
    """
    predicted = keypoints[~np.isnan(keypoints).any(-1)]
    return float(np.ptp(predicted, axis=0).prod()) if len(predicted) else 0.0


def _intervals(evaluation: Any) -> dict[str, tuple[float, float]]:
    """Return the intervals of a ``COCOeval`` over images, as in :mod:`.intervals`."""
    every_size = evaluation.evalImgs[:len(evaluation.params.imgIds)]
    found = [one for one in every_size if one]      # images with people, D predictions in all
    order = np.argsort(-np.concatenate([one['dtScores'] for one in found]), kind='stable')
    matched, left_out = (np.concatenate([one[key] for one in found], axis=1)[:, order] > 0
                         for key in ('dtMatches', 'dtIgnore'))                      # (T, D)
    index = image_index([one['image_id'] for one in found])
    image = np.repeat(index, [len(one['dtScores']) for one in found])[order]        # (D,)
    people = by_image(np.array([np.count_nonzero(np.equal(one['gtIgnore'], 0))
                                for one in found]), index)
    resamples = []                      # (2, T) AP and AR at each of T thresholds of OKS
    for drawn in chain.from_iterable(draws(len(people)) if len(people) > 1 else ()):
        weights = np.where(left_out, 0, drawn[image])                               # (T, D)
        hits, recall_of = np.cumsum(weights * matched, axis=1), max(people @ drawn, 1)
        precision = hits / np.maximum(np.cumsum(weights, axis=1), 1)
        highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        at_recalls = [np.append(one, 0)[np.searchsorted(recall, evaluation.params.recThrs)]
                      for one, recall in zip(highest, hits / recall_of)]
        resamples.append((np.mean(at_recalls, axis=1), (weights * matched).sum(1) / recall_of))
    scores = 100 * np.array(resamples or np.full((1, 2, 10), np.nan))               # (B, 2, T)
    return {name: interval95(scores[:, i, at].mean(-1)) for i, kind in enumerate(('AP', 'AR'))
            for name, at in ((kind, slice(None)), (f'{kind}50', [0]), (f'{kind}75', [5]))}


def find_sigmas(names: Sequence[str], known: Mapping[str, float], where: str) -> ndarray:
    """Return (K,) the sigmas of keypoints, or raise ``ConfigError`` if one has none above 0."""
    missing = [name for name in names if not known.get(name, 0) > 0]
    if missing:
        raise ConfigError(f"{where}: OKS needs a sigma above 0 for each keypoint, and "
                          f"'{missing[0]}' has none; give those of {', '.join(missing)}")
    return np.array([known[name] for name in names], float)
