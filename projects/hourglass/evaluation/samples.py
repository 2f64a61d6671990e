"""What metrics take from samples, of our data sets or mmpose's."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.errors import DataError


def annotation_of(sample: dict) -> dict[str, Any]:
    """Return the annotated person of a data sample as the metrics read it.

    Our data sets keep it in ``raw_ann_info``, with the fields of
    :class:`hourglass.datasets.person.Person`. For mmpose's it is read from ``gt_instances``, which
    a test does not mirror: the unit of PCK is the ``head_size``, if there is one, and NaN if not.
    """
    raw, triples = sample.get('raw_ann_info') or {}, converted_keypoints(sample)
    if triples is None:
        if 'keypoints_image' in raw:
            return raw
        triples = np.reshape(raw['keypoints'], (-1, 3)).astype(float)
    keypoints = dict(keypoints_image=np.where(triples[:, 2:] > 0, triples[:, :2], np.nan),
                     occluded=triples[:, 2] == 1)
    if 'keypoints_image' in raw:
        return raw | keypoints
    truth = sample['gt_instances']
    return keypoints | dict(
        pck_unit=float(np.squeeze(truth.get('head_size', np.nan))), row=sample['id'],
        image_name=sample['img_path'], bbox_image=np.asarray(truth['bboxes'], float)[0],
        sides_swapped=False, single_person=None)


def converted_keypoints(sample: dict) -> ndarray | None:
    """Return (K, 3) x, y in image px, and 2 where annotated, if they are not the annotation's.

    Steps such as mmpose's ``KeypointConverter`` make others of them, of which nobody knows whether
    they are occluded. None if ``raw_ann_info`` has the same, or is all there is.
    """
    raw = np.reshape((sample.get('raw_ann_info') or {}).get('keypoints', ()), (-1, 3))
    truth = sample.get('gt_instances')
    if truth is None:
        return None
    keypoints_image = np.asarray(truth['keypoints'], float)[0, :, :2]                   # (K, 2)
    annotated = np.reshape(truth['keypoints_visible'][0], (len(keypoints_image), -1))[:, 0] > 0
    shown = raw[:, 2] > 0
    if len(raw) == len(keypoints_image) and np.allclose(
            raw[shown, :2], keypoints_image[shown], rtol=0, atol=0.01):     # px; one is float32
        return None
    return np.column_stack([keypoints_image, np.where(annotated, 2, 0)])


def people_once(results: Sequence[dict], size: int) -> list[dict]:
    """Return one of the results of each person, ordered by ``id``: padding repeats some.

    A person is known by ``id`` and ``where``, as two data sets may have equal ids. Raises
    ``DataError`` unless there are ``size`` people.
    """
    people = {(result['id'], result['where']): result for result in results}
    if len(results) < size:
        raise DataError(f'{size - len(results)} of {size} people were not predicted; the metric '
                        'was not given every batch')
    check_once(len(people), size)
    return [people[key] for key in sorted(people)]


def check_once(people: int, size: int) -> None:
    """Raise ``DataError`` if the ``size`` samples of a test show fewer people."""
    if people < size:
        raise DataError(f'{size - people} of {size} samples repeat others, and a test takes each '
                        'person once: leave out RepeatDataset, sample_ratio_factor and repeated '
                        'indices, or correct the sampler')
