"""Contact sheets of a data set: crops of random people with their annotated skeletons."""
from pathlib import Path

import numpy as np

from hourglass.datasets.base import PersonDataset
from hourglass.inference.drawing import contact_sheet, draw_skeleton
from hourglass.io.images import read_image, write_image


def write_sheet(dataset: PersonDataset, path: str | Path, count: int = 24, columns: int = 6,
                seed: int = 0) -> None:
    """Write a grid of ``count`` random people of a data set, with their skeletons, as an image.

    Raises ``DataError`` for an image that cannot be read, or a file that cannot be written.
    """
    chosen = np.random.default_rng(seed).permutation(len(dataset))[:count]
    cells = []
    for index in chosen.tolist():
        person = dataset.get_data_info(index)
        drawn = draw_skeleton(read_image(person['img_path']),
                              person['raw_ann_info']['keypoints_image'], dataset.metainfo)
        # the crop that the network is given, without what lies outside of the image
        x1, y1, x2, y2 = np.clip(person['bbox'][0], 0, np.tile(drawn.shape[1::-1], 2)).astype(int)
        cells.append(drawn[y1:y2, x1:x2])
    write_image(path, contact_sheet(cells, columns))
