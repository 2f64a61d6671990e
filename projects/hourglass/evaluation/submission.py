"""Predictions for MPII's test people, as its site takes them for the official score."""
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

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
_EMPTY = np.zeros((0, 0))           # Matlab's []


@METRICS.register_module()
class MpiiSubmission(BaseMetric):
    """Writes ``pred_keypoints_mpii.mat``: MPII's test truth is hidden, its site scores the file.

    The file holds ``pred``, which is ``RELEASE.annolist(RELEASE.img_train == 0)`` with
    ``annopoints.point`` of every predicted person filled in (x and y in image px, 1-based; id,
    0-based), and ``single_person`` of the same images, the people the official score counts.
    Whoever is not predicted keeps place and fields, with ``annopoints`` empty.

    Args:
        release_file: the official ``mpii_human_pose_v1_u12_1.mat``.
        out_file: what to write.
        kwargs: as for mmengine's ``BaseMetric``.
    """

    default_prefix = 'submission'

    def __init__(self, release_file: str, out_file: str = 'pred_keypoints_mpii.mat', **kwargs):
        super().__init__(**kwargs)
        self.release_file, self.out_file = release_file, Path(out_file)

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        if not Path(self.release_file).is_file():       # not an hour later, when all is predicted
            raise DataError(f'{self.release_file}: no such file; it comes from the MPII site')
        for sample in data_samples:
            truth = sample['raw_ann_info']
            where = f"{truth['image']}, row {truth['row']}"
            if truth['place'] is None:
                raise DataError(f'{where}: the annotation file does not tell which person of the '
                                'release this is; make it with tools/prepare_mpii.py')
            predicted = np.asarray(sample['pred_instances']['keypoints'], float)[0]     # (K, 2)
            if predicted.shape != (_NUM_JOINTS, 2) or not np.isfinite(predicted).all():
                raise DataError(f'{where}: predicted keypoints of shape {predicted.shape}, '
                                f"{_NUM_JOINTS} pairs of numbers needed, MPII's joints")
            self.results.append((truth['place'], truth['image'], predicted))

    def compute_metrics(self, results: list[tuple]) -> dict[str, int]:
        pred, single_person, test = _test_images(self.release_file)
        predicted = defaultdict(dict)       # index in pred -> index in annorect -> (16, 2)
        people = pred['annorect']           # a view: of every image, its people
        for (image, rect), name, keypoints_image in results:
            row = test.get(image)
            if row is None or name != _name(pred[row]) or not 0 <= rect < people[row].size:
                raise DataError(f'{name}: person {rect + 1} of image {image + 1} is not among '
                                f'the test people of {self.release_file}; give the metric the '
                                'release that the annotation file was made from')
            predicted[row][rect] = keypoints_image
        expected = {(row, rect) for row, rects in enumerate(people) for rect in _croppable(rects)}
        for row, rects in enumerate(people):
            people[row] = _with_points(rects, predicted[row])
        with replacing(self.out_file) as draft:
            savemat(draft, dict(pred=pred[None], single_person=single_person[:, None]),
                    appendmat=False, do_compression=True)
        done = {(row, rect) for row, rects in predicted.items() for rect in rects}
        scored = {(row, int(number) - 1) for row, numbers in enumerate(single_person)
                  for number in np.ravel(numbers)}
        self._report(done, expected - done, scored)
        return dict(people=len(done), single_person=len(done & scored))

    def _report(self, done: set, missing: set, scored: set) -> None:
        logger = MMLogger.get_current_instance()
        logger.info(f'{self.out_file}: predictions for {len(done)} people, {len(done & scored)} '
                    'of them in the official score')
        if missing:
            logger.warning(f'{self.out_file}: no prediction for {len(missing)} of '
                           f'{len(missing) + len(done)} test people, {len(missing & scored)} of '
                           'them in the official score, which counts their joints as wrong')


def _test_images(release_file: str) -> tuple[ndarray, ndarray, dict[int, int]]:
    """Of N test images, all as stored, so that they can be written back.

    Returns:
        (N,) ``annolist``, (N,) ``single_person``, and the row of an image of the release.
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


def _croppable(rects: ndarray) -> list[int]:
    """Which people of an image have the centre and scale that a prediction needs."""
    if not {'objpos', 'scale'} <= set(rects.dtype.names or ()):
        return []
    return [number for number, rect in enumerate(rects.ravel())
            if rect['objpos'].size and rect['scale'].size]


def _with_points(rects: ndarray, predicted: dict[int, ndarray]) -> ndarray:
    """An image's people with the joints of the predicted ones, and nobody else's."""
    if not rects.size:
        return rects
    names = dict.fromkeys((*rects.dtype.names, 'annopoints'))
    filled = np.empty((1, rects.size), [(name, object) for name in names])
    for name in rects.dtype.names:
        filled[name] = rects[name].reshape(1, -1)
    for number in range(rects.size):
        filled['annopoints'][0, number] = (_annopoints(predicted[number]) if number in predicted
                                           else _EMPTY)
    return filled


def _annopoints(keypoints_image: ndarray) -> ndarray:
    """(16, 2) joints, 0-based -> the struct with the field ``point``, 1-based."""
    point = np.empty((1, _NUM_JOINTS), [(name, object) for name in ('x', 'y', 'id')])
    for joint, (x, y) in enumerate((keypoints_image + 1).tolist()):
        point[0, joint] = x, y, float(joint)
    annopoints = np.empty((1, 1), [('point', object)])
    annopoints['point'][0, 0] = point
    return annopoints
