"""A collection of images from one end to the other: read, predict, draw, write."""
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmpose.models.pose_estimators import TopdownPoseEstimator
from numpy import ndarray

from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import DataError, HourglassError
from hourglass.inference.boxes import FindBoxes
from hourglass.inference.drawing import draw_skeleton, heatmap_sheet
from hourglass.inference.poses import Poses
from hourglass.inference.predict import Request, predict_each
from hourglass.inference.results import Results
from hourglass.inference.sources import Frames, ImageFiles, SourceImage
from hourglass.io.images import write_image

_WRITABLE = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')


@dataclass
class Drawing:
    """Which images are drawn, and where to.

    Attributes:
        folder: gets ``overlays/`` (of a video: ``overlays.mp4``), ``heatmaps/`` and ``crops/``.
        overlays: draw images with skeletons over them.
        heatmaps: draw the heatmaps of every keypoint of every person over its crop.
        crops: write the crop of every person.
        min_score: keypoints below are not drawn.
    """

    folder: Path
    overlays: bool = True
    heatmaps: bool = False
    crops: bool = False
    min_score: float = 0.0
    _video: cv2.VideoWriter | None = field(default=None, init=False)

    def draw(self, name: str, image: ndarray, poses: Poses, metainfo: dict, fps: float | None
             ) -> None:
        """Draw the people of one image, or of one frame of a video with ``fps`` given.

        Raises:
            DataError: if a file cannot be written.
        """
        if self.overlays:
            drawn = image
            for keypoints, scores, box in zip(poses.keypoints, poses.scores, poses.boxes,
                                              strict=True):
                sure = np.where(scores[:, None] >= self.min_score, keypoints, np.nan)
                drawn = draw_skeleton(drawn, sure, metainfo, side=box[2] - box[0])
            if fps is None:
                writable = name if name.lower().endswith(_WRITABLE) else f'{name}.png'
                write_image(self.folder / 'overlays' / writable, drawn)
            else:
                self._write_frame(drawn, fps)
        for person, crop in enumerate(() if poses.inputs is None else poses.inputs):
            file = f'{Path(name).with_suffix("")}_{person}.png'
            if self.heatmaps and poses.heatmaps is not None:
                sheet = heatmap_sheet(crop, poses.heatmaps[person], keypoint_names(metainfo))
                write_image(self.folder / 'heatmaps' / file, sheet)
            if self.crops:
                write_image(self.folder / 'crops' / file, crop)

    def _write_frame(self, drawn: ndarray, fps: float) -> None:
        path = self.folder / 'overlays.mp4'
        if self._video is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            size = (drawn.shape[1], drawn.shape[0])
            self._video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), fps, size)
            if not self._video.isOpened():
                raise DataError(f'{path}: cannot be written as a video')
        self._video.write(drawn)

    def close(self) -> None:
        if self._video is not None:
            self._video.release()


def predict_collection(model: TopdownPoseEstimator, source: ImageFiles | Frames,
                       find_boxes: FindBoxes, results: Results, drawing: Drawing, **options: Any
                       ) -> Generator[str | None]:
    """Predict all images of a source; an image that cannot be used does not stop the rest.

    Args:
        model: of :func:`hourglass.apis.init_model`.
        source: the images.
        find_boxes: where people are in an image.
        results: gets the poses of each image once they are drawn, or its problem.
        drawing: draws each image.
        options: of :func:`hourglass.inference.predict.predict_each`.

    Yields:
        For each image, None, or why it could not be used, in one line.

    Raises:
        DataError: if a drawing cannot be written.
    """
    open_images: deque[tuple[SourceImage, ndarray | None]] = deque()    # those in predict_each

    def requests() -> Iterator[Request | HourglassError]:
        for image in source:
            boxes = None
            try:
                if isinstance(image.image, DataError):
                    raise image.image
                boxes = find_boxes(image)
                request: Request | HourglassError = Request(image.image, image.name, boxes)
            except HourglassError as error:
                request = error
            open_images.append((image, boxes))
            yield request

    try:
        for found in predict_each(model, requests(), heatmaps=drawing.heatmaps,
                                  inputs=drawing.heatmaps or drawing.crops, **options):
            image, boxes = open_images.popleft()
            if isinstance(found, HourglassError) or isinstance(image.image, DataError):
                results.add_problem(image.name, str(found))
                yield str(found)
            else:
                drawing.draw(image.name, image.image, found, model.dataset_meta, source.fps)
                results.add(image.name, found, boxes)
                yield None
    finally:
        drawing.close()
