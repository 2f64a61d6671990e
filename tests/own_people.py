"""Small annotations of one's own with their images, in COCO's form."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hourglass.io.images import write_image

NAMES = ['nose', 'left_eye', 'right_eye']


def write_images(folder: Path, names: list[str], size: tuple[int, int] = (80, 60)) -> Path:
    """Write noise of a size (w, h), so that every image can be read."""
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 255, (*size[::-1], 3))
        write_image(folder / name, pixels.astype(np.uint8))
    return folder


def annotation(number: int, image: int, x: float = 10, **changes: object) -> dict:
    """A person whose box is 30 x 20 px from (x, 10); the right eye is not annotated."""
    keypoints = [x + 15, 15, 2, x + 25, 20, 1, 0, 0, 0]
    return dict(id=number, image_id=image, category_id=1, iscrowd=0, area=300,
                bbox=[x, 10, 30, 20], keypoints=keypoints, num_keypoints=2) | changes


def write_people(folder: Path, annotations: list[dict] | None = None, images: int = 8,
                 names: list[str] = NAMES, **category: object) -> Path:
    """Write ``people.json`` and its images; by default two people on each image."""
    write_images(folder / 'images', [f'{i}.png' for i in range(images)])
    if annotations is None:
        annotations = [annotation(2 * i + k, i, 40 * k) for i in range(images) for k in (0, 1)]
    content = dict(
        images=[dict(id=i, file_name=f'{i}.png', width=80, height=60) for i in range(images)],
        categories=[dict(id=1, name='cat', keypoints=names, skeleton=[[1, 2], [1, 3]], **category)],
        annotations=annotations)
    path = folder / 'people.json'
    path.write_text(json.dumps(content))
    return path
