"""Prediction for a collection of images: read, predict, draw, write."""
from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy import ndarray

from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import DataError, HourglassError
from hourglass.inference.boxes import FindBoxes
from hourglass.inference.drawing import draw_note, draw_skeleton, heatmap_sheet
from hourglass.inference.network import PoseNetwork
from hourglass.inference.places import Request
from hourglass.inference.predict import Poses, predict_each
from hourglass.inference.results import Results
from hourglass.inference.sources import Frames, ImageFiles
from hourglass.io.images import write_image

_WRITABLE = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
_OBSERVER = 'green: left, if the person faces the camera'


@dataclass
class Drawing:
    """Which images are drawn, and where to; ``DataError`` if a file cannot be written."""

    folder: Path                # gets overlays/ (of a video: overlays.mp4), heatmaps/ and crops/
    overlays: bool = True       # images with skeletons over them
    heatmaps: bool = False      # of every keypoint of every person over its crop
    crops: bool = False         # of every person
    min_score: float = 0.0      # keypoints below are not drawn
    _overlays: dict[str, str] = field(default_factory=dict, init=False)     # file -> image
    _video: cv2.VideoWriter | None = field(default=None, init=False)

    def draw(self, request: Request, poses: Poses, metainfo: dict, fps: float | None) -> None:
        """Draw the people of one image, or of one frame of a video with ``fps`` given."""
        name = request.name
        if self.overlays:
            drawn = np.array(request.image)
            for keypoints, scores, box in zip(poses.keypoints, poses.scores, poses.boxes):
                sure = np.where(scores[:, None] >= self.min_score, keypoints, np.nan)
                draw_skeleton(drawn, sure, metainfo, side=box[2] - box[0])
            if metainfo.get('observer_sides') and (poses.scores >= self.min_score).any():
                draw_note(drawn, _OBSERVER)
            if fps is None:
                file = name if name.lower().endswith(_WRITABLE) else f'{name}.png'
                while self._overlays.setdefault(file, name) != name:    # of another image
                    file += '.png'
                write_image(self.folder / 'overlays' / file, drawn)
            else:
                self._write_frame(drawn, fps)
        for person, crop in enumerate(() if poses.inputs is None else poses.inputs):
            file = f'{name}_{person}.png'               # a.jpg and a.png differ
            if self.heatmaps and poses.heatmaps is not None:
                sheet = heatmap_sheet(crop, poses.heatmaps[person], keypoint_names(metainfo))
                write_image(self.folder / 'heatmaps' / file, sheet)
            if self.crops:
                write_image(self.folder / 'crops' / file, crop)

    def _write_frame(self, drawn: ndarray, fps: float) -> None:
        path = self.folder / 'overlays.mp4'
        if self._video is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), fps,
                                          drawn.shape[1::-1])
            if not self._video.isOpened():
                raise DataError(f'{path}: cannot be written as a video')
        self._video.write(drawn)

    def close(self) -> None:
        if self._video is not None:
            self._video.release()


def predict_collection(model: PoseNetwork, source: ImageFiles | Frames,
                       find_boxes: FindBoxes, results: Results, drawing: Drawing, **options: Any
                       ) -> Generator[str | None]:
    """Predict all images of a source; an image that cannot be used does not stop the rest.

    For each image ``results`` gets the poses, once they are drawn, or the problem. Yields None, or
    the problem in one line. Raises ``DataError`` if a drawing cannot be written.

    Args:
        model: of :func:`hourglass.apis.init_model`.
        source, find_boxes: the images, and where people are in them.
        options: of :func:`hourglass.inference.predict.predict_each`.
    """
    def requests() -> Iterator[Request]:
        for request in source:
            if not isinstance(request.image, HourglassError):
                try:
                    request.boxes = find_boxes(request)
                except HourglassError as error:
                    request.image = error
            yield request

    try:
        for request, found in predict_each(model, requests(), heatmaps=drawing.heatmaps,
                                           inputs=drawing.heatmaps or drawing.crops, **options):
            if not isinstance(found, HourglassError):
                drawing.draw(request, found, model.dataset_meta, source.fps)
            results.add(request, found)
            yield str(found) if isinstance(found, HourglassError) else None
    finally:
        drawing.close()
