"""SLEAP: a ``.slp`` file, read by the package ``sleap-io``."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from hourglass.datasets.forms.builder import Builder, Point
from hourglass.errors import DataError
from hourglass.io.files import named_errors
from hourglass.io.images import write_image


def read_sleap(path: Path, images: Path) -> Builder:
    """Read the labels of users, and write the labelled frames into the folder ``images``.

    Raises ``DataError`` without ``sleap-io``, and for a file or a video that cannot be read.
    """
    try:
        import sleap_io
    except ImportError:
        raise DataError(f'{path}: read by the package sleap-io; pip install sleap-io') from None
    with named_errors(path, 'not readable with its videos', 'save it with the videos beside it'):
        labels = sleap_io.load_slp(str(path))
        skeleton = labels.skeletons[0]
        builder = Builder(path, images, list(skeleton.node_names), bones=skeleton.edge_names,
                          flip_pairs=[(a, b) for a, b in skeleton.symmetry_names])
        for frame in labels:
            if not frame.user_instances:
                continue
            name = f'{labels.videos.index(frame.video)}_{frame.frame_idx:06d}.png'
            write_image(images / name, _as_bgr(frame.image))
            builder.add_image(name)
            for instance in frame.user_instances:
                places = instance.numpy()                                           # (K, 2)
                builder.add_person(name, [
                    Point(node, *place.tolist())
                    for node, place in zip(skeleton.node_names, places)
                    if np.isfinite(place).all()])
    return builder


def _as_bgr(frame: np.ndarray) -> np.ndarray:
    """Return a frame (H, W, 1 or 3) RGB as (H, W, 3) BGR."""
    return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR if frame.shape[2] == 1 else cv2.COLOR_RGB2BGR)
