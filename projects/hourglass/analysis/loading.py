"""What it costs to load annotations: time and memory of files with many people."""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from hourglass.analysis.machine import peak_memory
from hourglass.io.tables import markdown_table, number

_SIZE = (640, 480)                      # (w, h) px
_JOINTS = 17                            # as COCO has
_PEOPLE = 2                             # on each image


@dataclass(frozen=True)
class Loading:
    """The cost of a data set of so many people."""

    people: int
    seconds: float                      # of processor time
    memory: int | None                  # bytes, at the peak, over what the imports take
    sample_ms: float                    # processor time to get one sample, without its image


def measure_loading(people: int, memory: bool = True) -> Loading:
    """Load a rendered annotation of so many people on images of one content.

    ``memory`` measures it, too, which raises as :func:`.machine.peak_memory`.
    """
    with TemporaryDirectory() as folder:
        write_annotation(Path(folder), people)
        peak = peak_memory(_load, folder) if memory else None
        load = _load(folder)
        start = time.process_time()
        dataset = load()
        loaded = time.process_time()
        chosen = range(0, people, max(1, people // 1000))
        for index in chosen:
            dataset.get_data_info(index)
        sample_ms = 1000 * (time.process_time() - loaded) / len(chosen)
    return Loading(people, loaded - start, peak, sample_ms)


def _load(folder: str) -> Callable:
    from hourglass.datasets.coco import KeypointDataset
    return lambda: KeypointDataset('people.json', folder, pipeline=[])


def write_annotation(folder: Path, people: int) -> None:
    """Write ``people.json`` in COCO's form with random keypoints, and ``images``."""
    (folder / 'images').mkdir()
    images = [dict(id=number, file_name=f'{number:012d}.png', width=_SIZE[0], height=_SIZE[1])
              for number in range(-(-people // _PEOPLE))]
    first = folder / 'images' / str(images[0]['file_name'])
    cv2.imwrite(str(first), np.zeros(_SIZE[::-1], np.uint8))
    for image in images[1:]:
        (folder / 'images' / str(image['file_name'])).symlink_to(first)
    numbers = np.random.default_rng(0).integers(0, (*_SIZE, 3), (people, _JOINTS, 3))
    numbers[numbers[..., 2] == 0] = 0                   # a third is not annotated, as in COCO
    annotations = [
        dict(id=row + 1, image_id=row // _PEOPLE, category_id=1, iscrowd=0, area=5000.5,
             bbox=[10.25, 20.5, 300.75, 400.0], num_keypoints=int((joints[:, 2] > 0).sum()),
             keypoints=joints.ravel().tolist()) for row, joints in enumerate(numbers)]
    names = [f'joint_{number}' for number in range(_JOINTS)]
    category = dict(id=1, name='person', keypoints=names, skeleton=[])
    (folder / 'people.json').write_text(json.dumps(
        dict(images=images, annotations=annotations, categories=[category])))


def table(costs: Sequence[Loading]) -> str:
    """Return the costs as a table in Markdown."""
    return markdown_table(
        [[f'{one.people:,}', f'{one.seconds:.2f}', number(one.memory and one.memory / 2**20, '.0f'),
          f'{one.sample_ms:.3f}'] for one in costs],
        ['people', 'load, s', 'peak memory, MiB', 'a sample, ms'], '>')
