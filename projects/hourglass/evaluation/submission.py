"""Predictions for MPII's test people, in the file that its site takes for the official score."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from numpy import ndarray
from scipy.io import savemat

from hourglass.errors import DataError
from hourglass.io.files import replacing
from hourglass.io.mat import read_mat_as_stored
from hourglass.registry import METRICS

_NUM_JOINTS = 16


@METRICS.register_module()
class MpiiSubmission(BaseMetric):
    """Metric that writes ``pred_keypoints_mpii.mat``, the file that MPII's site scores.

    The file holds ``pred``, which is ``RELEASE.annolist(RELEASE.img_train == 0)`` with
    ``annopoints.point`` of every predicted person filled in (x and y in image px, 1-based; id,
    0-based), and ``single_person`` of the same images, the people the official score counts.
    A person without a prediction stays in its place, with ``annopoints`` empty.

    Args:
        release_file: the official ``mpii_human_pose_v1_u12_1.mat``.
        kwargs: as for mmengine's ``BaseMetric``.
    """

    default_prefix = 'submission'

    def __init__(self, release_file: str, out_file: str = 'pred_keypoints_mpii.mat', **kwargs: Any):
        super().__init__(**kwargs)
        self.release_file, self.out_file = release_file, Path(out_file)

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        if not Path(self.release_file).is_file():       # not after an hour, with all predicted
            raise DataError(f'{self.release_file}: no such file; get it from the MPII site')
        for sample in data_samples:
            truth = sample['raw_ann_info']
            where = f"{truth['image_name']}, row {truth['row']}"
            if truth['place'] is None:
                raise DataError(f'{where}: the annotation file does not name the person of the '
                                'release; make it with hourglass prepare mpii')
            predicted = np.asarray(sample['pred_instances']['keypoints'], float)[0]     # (K, 2)
            if predicted.shape != (_NUM_JOINTS, 2) or not np.isfinite(predicted).all():
                raise DataError(f'{where}: predicted keypoints of shape {predicted.shape}, '
                                f"{_NUM_JOINTS} pairs of numbers needed, MPII's joints")
            self.results.append((truth['place'], truth['image_name'], predicted))

    def compute_metrics(self, results: list[tuple]) -> dict[str, int]:
        pred, single_person, test = _test_images(self.release_file)
        predicted: dict[tuple[int, int], ndarray] = {}      # index in pred and annorect -> (16, 2)
        people = pred['annorect']                           # a view: the people of every image
        for (image, rect), name, keypoints_image in results:
            row = test.get(image)
            if row is None or name != _name(pred[row]) or not 0 <= rect < people[row].size:
                raise DataError(f'{name}: person {rect + 1} of image {image + 1} is not among '
                                f'the test people of {self.release_file}; give the metric the '
                                'release that the annotation file was made from')
            predicted[row, rect] = keypoints_image
        missing = {(row, rect) for row, rects in enumerate(people) for rect, person in
                   enumerate(rects.ravel()) if _can_be_cropped(person)} - predicted.keys()
        scored = {(row, int(number) - 1) for row, numbers in enumerate(single_person)
                  for number in np.ravel(numbers)}
        done = len(scored & predicted.keys())
        for row, rects in enumerate(people):
            people[row] = _with_points(
                rects, [predicted.get((row, rect)) for rect in range(rects.size)])
        with replacing(self.out_file) as draft:
            savemat(draft, dict(pred=pred[None], single_person=single_person[:, None]),
                    appendmat=False, do_compression=True)
        logger = MMLogger.get_current_instance()
        logger.info(f'{self.out_file}: predictions for {len(predicted)} people, {done} of them in '
                    'the official score')
        if missing:
            logger.warning(f'{self.out_file}: no prediction for {len(missing)} of '
                           f'{len(missing | predicted.keys())} test people, '
                           f'{len(missing & scored)} of them in the official score, which counts '
                           'their joints as wrong')
        return dict(people=len(predicted), single_person=done)


def _test_images(release_file: str) -> tuple[ndarray, ndarray, dict[int, int]]:
    """Read (N,) ``annolist`` and (N,) ``single_person`` of the test images, both as stored.

    The third is index of an image in the release -> row in these.
    """
    release = read_mat_as_stored(release_file, 'RELEASE')
    try:
        annolist, img_train, single_person = (
            release[name][0, 0].ravel() for name in ('annolist', 'img_train', 'single_person'))
        test = np.flatnonzero(img_train == 0)
        annolist, single_person = annolist[test], single_person[test]
        if not all(_name(entry) and entry['annorect'] is not None for entry in annolist):
            raise ValueError
    except (ValueError, IndexError):
        raise DataError(f"{release_file}: 'RELEASE' is not MPII's; the official "
                        'mpii_human_pose_v1_u12_1.mat needed') from None
    return annolist, single_person, {int(image): row for row, image in enumerate(test)}


def _name(entry: np.void) -> str:
    return str(entry['image']['name'][0, 0][0])


def _can_be_cropped(person: np.void) -> bool:
    """Return whether a person has the centre and scale that a prediction needs."""
    names = person.dtype.names or ()
    return all(name in names and person[name].size for name in ('objpos', 'scale'))


def _with_points(rects: ndarray, predicted: Sequence[ndarray | None]) -> ndarray:
    """Return the people of an image with the joints of the predicted ones, and no others."""
    if not rects.size:
        return rects
    names = dict.fromkeys((*rects.dtype.names, 'annopoints'))
    filled = np.empty((1, rects.size), [(name, object) for name in names])
    for name in rects.dtype.names:
        filled[name] = rects[name].reshape(1, -1)
    for number, keypoints_image in enumerate(predicted):
        filled['annopoints'][0, number] = (
            np.zeros((0, 0)) if keypoints_image is None else dict(point=_points(keypoints_image)))
    return filled


def _points(keypoints_image: ndarray) -> ndarray:
    """Return (16, 2) joints, 0-based, as Matlab's structs (1, 16) of x, y, 1-based, and id."""
    return np.array([[(x, y, float(joint)) for joint, (x, y) in enumerate(
        (keypoints_image + 1).tolist())]], [(name, object) for name in ('x', 'y', 'id')])
