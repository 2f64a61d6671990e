"""The annotation of a sample, from our data sets or from mmpose's."""
from typing import Any

import numpy as np


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
