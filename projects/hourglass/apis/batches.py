"""Prediction for engines that divide a table of images among workers, as Ray Data and Spark do."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any

from numpy import ndarray

from hourglass.errors import ConfigError, DataError
from hourglass.inference.collection import Drawing, predict_collection
from hourglass.inference.detectors import PersonDetector
from hourglass.inference.network import PoseNetwork
from hourglass.inference.places import Request, Rows
from hourglass.inference.results import Results
from hourglass.io.images import StoredImage

COLUMNS = ('image', 'person', 'bbox', 'bbox_score', 'score', 'keypoints', 'probability', 'error')


class BatchPredictor:
    """Finds the people in batches of images: made once for each worker, called with each batch.

    A batch maps the names of its columns to their values, as a dict or a table of pandas: ``image``
    has paths, and ``boxes``, unless a detector or ``whole_image`` says where people are, what
    :func:`hourglass.inference.predict.predict` takes for each image, but not None.

    Args:
        load_network: makes the network, as ``partial(init_model, 'people')``.
        load_detector: makes a detector, as ``partial(find_detector, 'hog')``.
        whole_image: one person fills each image.
        bits: of 16-bit images, as for :func:`hourglass.io.images.as_image`.
        options: ``stage``, ``flip``, ``probability`` and ``batch_size`` (people at a time) of
            :func:`hourglass.inference.predict.predict_each`.

    Raises:
        ConfigError: if a detector and ``whole_image`` are given, or, from a call, for a batch
            without a column that is needed.
    """

    def __init__(self, load_network: Callable[[], PoseNetwork],
                 load_detector: Callable[[], PersonDetector] | None = None,
                 whole_image: bool = False, bits: int | None = None, **options: Any):
        if load_detector and whole_image:
            raise ConfigError('load_detector and whole_image both say where people are; give one')
        self.network, self.detect = load_network(), load_detector and load_detector()
        self.whole_image, self.bits, self.options = whole_image, bits, options

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list]:
        """Return :data:`COLUMNS`, with a row for each person, in the order of the images.

        ``person`` counts from 0 in each image; ``bbox``, ``score``, ``keypoints`` and others are
        those of :class:`hourglass.inference.results.Results`, or None where it has none. An image
        without people has one row, without ``person``; so has an image that cannot be used, whose
        ``error`` says why.
        """
        given = not (self.detect or self.whole_image)
        if lacking := {'image', *(['boxes'] if given else [])} - set(batch):
            raise ConfigError(f"a batch without the column '{min(lacking)}': it has "
                              f"{', '.join(batch)}; people are where the column 'boxes', "
                              'load_detector or whole_image says')
        names = [str(image) for image in batch['image']]
        if given and len(batch['boxes']) != len(names):
            raise ConfigError(f"boxes: {len(batch['boxes'])} given for {len(names)} images; give "
                              'one entry for each')
        results = Results(self.network.dataset_meta, {})
        for _ in predict_collection(
                self.network, self._requests(names, batch['boxes'] if given else None),
                self._find_boxes, results, Drawing(Path(), overlays=False), **self.options):
            pass
        rows: list[dict[str, Any]] = []
        for name, entry in zip(names, results.entries):
            shared = dict(image=name, error=entry.get('problem'))
            rows += [shared | person | dict(person=number) for number, person in enumerate(
                entry.get('people', ()))] or [shared]
        return {column: [row.get(column) for row in rows] for column in COLUMNS}

    def _requests(self, names: list[str], boxes: Iterable[Any] | None) -> Iterator[Request]:
        for name, rows in zip(names, repeat(()) if boxes is None else boxes):
            if rows is None:
                yield Request(DataError(f'{name}: boxes are missing; give an empty list if it '
                                        'shows no person'), name)
            else:                               # nested lists come from Arrow as arrays of arrays
                yield Request(StoredImage(name, self.bits), name,
                              list(rows) if isinstance(rows, ndarray) else rows)

    def _find_boxes(self, request: Request) -> Rows | None:
        if self.detect:
            return self.detect(request.image, request.name)     # type: ignore[arg-type]  # read
        return None if self.whole_image else request.boxes
