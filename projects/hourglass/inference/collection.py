"""A collection of images from one end to the other: read, look, draw, write."""
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from mmpose.models.pose_estimators import TopdownPoseEstimator
from numpy import ndarray

from hourglass.errors import DataError, HourglassError
from hourglass.inference.drawing import draw_skeleton, heatmap_sheet
from hourglass.inference.predict import Poses, predict
from hourglass.inference.results import Results
from hourglass.inference.sources import Frames, ImageFiles, Shot
from hourglass.io.images import write_image

_AT_ONCE = 8                            # images that wait for a batch
_WRITTEN_AS_THEY_ARE = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')

Boxes = Callable[[Shot], ndarray | None]        # (P, 4 or more), None for the whole image


@dataclass
class Drawing:
    """What is drawn, and where to.

    Attributes:
        folder: gets ``overlays/`` (of a video: ``overlays.mp4``), ``heatmaps/`` and ``crops/``.
        overlays: images with skeletons over them.
        heatmaps: of every person, each keypoint's over what the network saw.
        crops: what the network saw of every person.
        min_score: keypoints below are not drawn.
    """

    folder: Path
    overlays: bool = True
    heatmaps: bool = False
    crops: bool = False
    min_score: float = 0.0
    _video: cv2.VideoWriter | None = field(default=None, init=False)

    def draw(self, shot: Shot, poses: Poses, metainfo: dict, fps: float | None) -> None:
        names = [metainfo['keypoint_id2name'][i] for i in range(metainfo['num_keypoints'])]
        if self.overlays:
            drawn = shot.image
            for keypoints, scores, box in zip(poses.keypoints, poses.scores, poses.boxes,
                                              strict=True):
                sure = np.where(scores[:, None] >= self.min_score, keypoints, np.nan)
                drawn = draw_skeleton(drawn, sure, metainfo, side=box[2] - box[0])
            if fps is None:
                write_image(self.folder / 'overlays' / _image_name(shot.name), drawn)
            else:
                self._write_frame(drawn, fps)
        for person in range(len(poses.keypoints)):
            of_person = f'{Path(shot.name).with_suffix("")}_{person}.png'
            if self.heatmaps:
                sheet = heatmap_sheet(poses.inputs[person], poses.heatmaps[person], names)
                write_image(self.folder / 'heatmaps' / of_person, sheet)
            if self.crops:
                write_image(self.folder / 'crops' / of_person, poses.inputs[person])

    def _write_frame(self, drawn: ndarray, fps: float) -> None:
        path = self.folder / 'overlays.mp4'
        if self._video is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            size = (drawn.shape[1], drawn.shape[0])
            self._video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), fps, size)
            if not self._video.isOpened():
                raise DataError(f'{path}: cannot be written as a video')
        self._video.write(drawn)

    def close(self) -> None:
        if self._video is not None:
            self._video.release()


def _image_name(name: str) -> str:
    return name if name.lower().endswith(_WRITTEN_AS_THEY_ARE) else f'{name}.png'


def predict_collection(model: TopdownPoseEstimator, source: ImageFiles | Frames, boxes: Boxes,
                       results: Results, drawing: Drawing, **options) -> Iterator[str | None]:
    """Look for people in all images of a source; what fails does not stop the rest.

    Args:
        boxes: where people are in an image.
        results: gets every image's poses, once they are drawn, or its problem.
        options: of :func:`hourglass.apis.predict`.

    Yields:
        For each image, None or why it could not be used, in one line.

    Raises:
        DataError: if a drawing cannot be written.
    """
    wanted = dict(options, heatmaps=drawing.heatmaps, inputs=drawing.heatmaps or drawing.crops)
    shots = iter(source)
    try:
        while some := list(islice(shots, _AT_ONCE)):
            for shot, place, poses, problem in _looked_at(model, some, boxes, wanted):
                if problem is None:
                    drawing.draw(shot, poses, model.dataset_meta, source.fps)
                    results.add(shot.name, poses, place)
                else:
                    results.add_problem(shot.name, problem)
                yield problem
    finally:
        drawing.close()


def _looked_at(model: TopdownPoseEstimator, shots: list[Shot], boxes: Boxes, options: dict
               ) -> Iterator[tuple[Shot, ndarray | None, Poses | None, str | None]]:
    """Each with its boxes, its poses and its problem; all together where none has a problem."""
    asked = [(shot, *_boxes_of(shot, boxes)) for shot in shots]
    good = [(shot, place) for shot, place, problem in asked if problem is None]
    try:
        found = iter(predict(model, [shot.image for shot, _ in good], [p for _, p in good],
                             **options))
        for shot, place, problem in asked:
            yield shot, place, None if problem else next(found), problem
    except DataError:                   # of a box: then each image for itself
        for shot, place, problem in asked:
            poses = None
            if problem is None:
                try:
                    poses = predict(model, shot.image, place, **options)
                except DataError as error:
                    problem = f"{shot.name}: {str(error).partition(': ')[2]}"
            yield shot, place, poses, problem


def _boxes_of(shot: Shot, boxes: Boxes) -> tuple[ndarray | None, str | None]:
    if shot.problem is not None:
        return None, shot.problem
    try:
        return boxes(shot), None
    except HourglassError as error:
        return None, str(error)
