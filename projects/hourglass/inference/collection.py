"""Prediction for a collection of images: read, predict, draw, write."""
from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import DataError, HourglassError
from hourglass.inference.boxes import FindBoxes
from hourglass.inference.drawing import draw_note, draw_number, draw_skeleton, heatmap_sheet
from hourglass.inference.network import PoseNetwork
from hourglass.inference.places import Request, have_area
from hourglass.inference.predict import Poses, predict_each
from hourglass.inference.results import Results
from hourglass.inference.sources import Camera, Frames
from hourglass.inference.tracking import Tracker
from hourglass.io.ahead import ahead
from hourglass.io.images import WRITABLE, StoredImage, size_of, write_image
from hourglass.io.video import VideoWriter

_OBSERVER = 'green: left, if the person faces the camera'


@dataclass
class Drawing:
    """Which images are drawn, and where to; ``DataError`` if a file cannot be written."""

    folder: Path                # gets overlays/, heatmaps/ and crops/
    overlays: bool = True       # images and videos with skeletons over them
    heatmaps: bool = False      # of every keypoint of every person over its crop
    crops: bool = False         # of every person
    min_score: float = 0.0      # keypoints below are not drawn
    _overlays: dict[str, str] = field(default_factory=dict, init=False)     # file -> what it shows
    _video: VideoWriter | None = field(default=None, init=False)

    def draw(self, request: Request, poses: Poses, metainfo: dict) -> None:
        """Draw the people of one image, or of one frame of a video."""
        name = request.name
        if self.overlays:
            drawn = np.array(request.image)
            for keypoints, scores, box, number in zip_longest(
                    poses.keypoints, poses.scores, poses.boxes, request.track_ids):
                sure = np.where(scores[:, None] >= self.min_score, keypoints, np.nan)
                draw_skeleton(drawn, sure, metainfo, side=box[2] - box[0])
                if number:
                    draw_number(drawn, number, box)
            if metainfo.get('observer_sides') and (poses.scores >= self.min_score).any():
                draw_note(drawn, _OBSERVER)
            if request.video is None:
                write_image(self._overlay_of(name, '.png', WRITABLE), drawn)
            else:
                self._write_frame(request, drawn)
        for person, crop in enumerate(() if poses.inputs is None else poses.inputs):
            file = f'{name}_{person}.png'               # a.jpg and a.png differ
            if self.heatmaps and poses.heatmaps is not None:
                sheet = heatmap_sheet(crop, poses.heatmaps[person], keypoint_names(metainfo))
                write_image(self.folder / 'heatmaps' / file, sheet)
            if self.crops:
                write_image(self.folder / 'crops' / file, crop)

    def _overlay_of(self, name: str, suffix: str, writable: str | tuple[str, ...]) -> Path:
        """Return the file for an image or video, which no other has."""
        file = name if name.lower().endswith(writable) else name + suffix
        while self._overlays.setdefault(file, name) != name:
            file += suffix
        return self.folder / 'overlays' / file

    def _write_frame(self, request: Request, drawn: ndarray) -> None:
        path = self._overlay_of(f'{request.video}', '.mp4', '.mp4')
        if self._video is None or self._video.path != path:
            self.close()
            self._video = VideoWriter(path)
        self._video.write(drawn, request.time)

    def close(self) -> None:
        video, self._video = self._video, None
        if video is not None:
            video.close()


def predict_collection(model: PoseNetwork, source: Iterable[Request],
                       find_boxes: FindBoxes, results: Results, drawing: Drawing,
                       smooth: bool = False, **options: Any) -> Generator[str | None]:
    """Predict all images of a source; an image that cannot be used does not stop the rest.

    For each image ``results`` gets the poses, once they are drawn, or the problem. Yields None, or
    the problem in one line. Raises ``DataError`` if a drawing cannot be written. Images are read,
    people found and crops cut in one thread, the network runs in another, and this one draws and
    writes; at most 64 images, or 256 MiB and one image, wait before and after the network.

    Args:
        model: of :func:`hourglass.apis.init_model`.
        source, find_boxes: the images, as those of :mod:`.sources`, and where people are in them.
        smooth: in videos, smooth boxes and keypoints, see :class:`.tracking.Tracker`.
        options: of :func:`hourglass.inference.predict.predict_each`.
    """
    tracker = Tracker(smooth)

    def requests() -> Iterator[Request]:
        video = None
        for request in source:
            if request.video != video:
                tracker.next_video()
                video = request.video
            if not isinstance(request.image, HourglassError):
                try:
                    request.boxes = find_boxes(request)
                    if request.video is not None:
                        _follow(tracker, request)
                except HourglassError as error:
                    request.image = error
            yield request

    # a camera is read when its image is needed, or the images would grow old
    live = isinstance(source, Frames) and isinstance(source.frames, Camera)
    found_each = ahead(predict_each(
        model, requests(), heatmaps=drawing.heatmaps, inputs=drawing.heatmaps or drawing.crops,
        reading=lambda images: images if live else ahead(
            images, lambda image: _share(image[0], sum(person.crop.nbytes for person in image[2]))),
        **options), lambda image: _share(image[0]))
    try:
        for request, found in found_each:
            if drawing.overlays and isinstance(request.image, StoredImage):
                try:
                    request.image = request.image.read()[0]
                except DataError as error:      # it is no longer there
                    found = error
            if not isinstance(found, HourglassError):
                found = tracker.steady(found, request.track_ids, request.time)
                drawing.draw(request, found, model.dataset_meta)
            results.add(request, found)
            yield str(found) if isinstance(found, HourglassError) else None
    finally:
        found_each.close()
        drawing.close()


def _share(request: Request, more: int = 0) -> float:
    """Return the part that an image, and so many more bytes, take of what may wait."""
    return max(1 / 64, (getattr(request.image, 'nbytes', 0) + more) / 2**28)


def _follow(tracker: Tracker, request: Request) -> None:
    """Set the numbers of the people in a frame, and their boxes."""
    width, height = size_of(request.image)          # type: ignore[arg-type]  # no error
    whole = request.boxes is None
    boxes = np.array([[0.0, 0, width, height]]) if whole else np.asarray(request.boxes)
    if have_area(boxes):                        # or predict refuses them
        request.track_ids, boxes = tracker.follow(boxes, request.time)
        request.boxes = None if whole else boxes
