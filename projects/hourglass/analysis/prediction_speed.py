"""How fast a collection of images is predicted, beside its network alone."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import truediv
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import torch

from hourglass.errors import DataError, HourglassError
from hourglass.inference.boxes import FindBoxes
from hourglass.inference.collection import Drawing, predict_collection
from hourglass.inference.network import PoseNetwork
from hourglass.inference.places import Request
from hourglass.inference.predict import predict_each
from hourglass.inference.results import Results
from hourglass.inference.sources import Frames, ImageFiles
from hourglass.io.tables import counted, markdown_table

PARTS = ('read, find people, crop', 'network', 'together', 'together, with drawing')


@dataclass(frozen=True)
class PredictionSpeed:
    """Seconds of each of :data:`PARTS` in each turn, for so many images and people."""

    images: int
    people: int
    seconds: dict[str, list[float]]

    def rows(self) -> list[list[str]]:
        """Return a row for each part: ms and images a second, and the rate beside the network's.

        They are medians over the turns.
        """
        alone = self.seconds['network']
        return [[part, f'{1000 * median(turns) / self.images:.1f}',
                 f'{self.images / median(turns):.1f}',
                 f'{median(map(truediv, alone, turns)):.2f}']
                for part, turns in self.seconds.items()]


def measure_prediction(model: PoseNetwork, open_source: Callable[[], ImageFiles | Frames],
                       find_boxes: FindBoxes, batch_size: int = 32, rounds: int = 3
                       ) -> PredictionSpeed:
    """Time the parts of :func:`.predict_collection`, and all of it, in turns.

    The source is opened for each of them, as a video can be read only once. The network's part is
    from crops to keypoints, in the same batches. Raises ``DataError`` for an image that cannot be
    used, or if there is nobody, and ``ConfigError`` for a ``batch_size`` below 1.
    """
    def read() -> Iterator[Request]:
        for request in open_source():
            if isinstance(request.image, HourglassError):
                raise request.image
            request.boxes = find_boxes(request)
            yield request

    crops, images = [], 0
    for _, poses in predict_each(model, read(), flip=False, inputs=True,
                                 batch_size=batch_size):
        images += 1
        if isinstance(poses, HourglassError):
            raise poses
        if poses.inputs is not None:
            crops.append(poses.inputs)
    if not crops:
        raise DataError('nobody in the images, so there is nothing to measure')
    pixels = torch.from_numpy(np.concatenate(crops).transpose(0, 3, 1, 2).copy())

    @torch.no_grad()
    def network() -> None:
        for batch in pixels.split(batch_size):
            model(batch.to(model.mean.device))[0].cpu()

    def crop() -> None:                         # and leave nothing for the network
        deque(predict_each(model, read(), reading=lambda images: iter(deque(images, 0))), 0)

    calls: tuple[Callable[[], object], ...] = (
        crop, network,
        lambda: predict_all(model, open_source(), find_boxes, batch_size=batch_size),
        lambda: predict_all(model, open_source(), find_boxes, overlays=True, batch_size=batch_size))
    seconds: dict[str, list[float]] = {part: [] for part in PARTS}
    for _ in range(rounds):
        for part, call in zip(PARTS, calls):
            start = perf_counter()
            call()
            seconds[part].append(perf_counter() - start)
    return PredictionSpeed(images, len(pixels), seconds)


def predict_all(model: PoseNetwork, source: ImageFiles | Frames, find_boxes: FindBoxes,
                overlays: bool = False, **options: Any) -> None:
    """Predict a source as ``hourglass predict`` does, into a folder that is then removed.

    The options are those of :func:`.predict_collection`.
    """
    with TemporaryDirectory() as folder:
        results = Results(model.dataset_meta, {})
        for _ in predict_collection(model, source, find_boxes, results,
                                    Drawing(Path(folder), overlays), **options):
            pass
        results.finish(Path(folder))


def table(speed: PredictionSpeed) -> str:
    """Return the parts as a table in Markdown."""
    names = ['', 'ms an image', 'images/s', "of the network's rate"]
    return (f"{counted(speed.images, 'image')} with {counted(speed.people, 'person', 'people')}\n\n"
            + markdown_table(speed.rows(), names))
