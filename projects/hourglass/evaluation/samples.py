"""What metrics take from samples, of our data sets or mmpose's."""
from collections.abc import Sequence
from typing import Any

import numpy as np

from hourglass.errors import DataError


def annotation_of(sample: dict) -> dict[str, Any]:
    """Return the annotated person of a data sample as the metrics read it.

    Our data sets keep it in ``raw_ann_info``, with the fields of
    :class:`hourglass.datasets.base.Person`. For mmpose's it is read from ``gt_instances``, which a
    test does not mirror: the unit of PCK is the ``head_size``, if there is one, and NaN otherwise.
    """
    raw = sample.get('raw_ann_info') or {}
    if 'keypoints_image' in raw:
        return raw
    truth = sample['gt_instances']
    keypoints_image = np.asarray(truth['keypoints'], float)[0, :, :2]                   # (K, 2)
    annotated = np.reshape(truth['keypoints_visible'][0], (len(keypoints_image), -1))[:, 0] > 0
    occluded = (np.reshape(raw['keypoints'], (-1, 3))[:, 2] == 1 if 'keypoints' in raw
                else np.zeros_like(annotated))
    return dict(
        keypoints_image=np.where(annotated[:, None], keypoints_image, np.nan), occluded=occluded,
        pck_unit=float(np.squeeze(truth.get('head_size', np.nan))), row=sample['id'],
        image_name=sample['img_path'], bbox_image=np.asarray(truth['bboxes'], float)[0],
        sides_swapped=False, single_person=None)


def people_once(results: Sequence[dict], size: int) -> list[dict]:
    """Return one of the results of each person, ordered by ``id``: padding repeats some.

    ``where`` says which person it is. Raises ``DataError`` unless there are ``size`` people, each
    with an id of its own.
    """
    by_id: dict[int, dict] = {}
    for result in results:
        other = by_id.setdefault(result['id'], result)
        if other['where'] != result['where']:
            raise DataError(f"two people have the id {result['id']}: {other['where']}, and "
                            f"{result['where']}; give each sample its own")
    if len(by_id) < size:
        raise DataError(f'{size - len(by_id)} of {size} people were not predicted; the metric was '
                        'not given every batch')
    return [by_id[key] for key in sorted(by_id)]
