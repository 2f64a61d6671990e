"""YOLO-pose: ``data.yaml``, and beside each image a text file with one person a line."""
from __future__ import annotations

import reprlib
from pathlib import Path, PureWindowsPath

import numpy as np
import yaml

from hourglass.datasets import skeletons
from hourglass.datasets.forms.builder import Box, Builder, Point
from hourglass.errors import DataError
from hourglass.io.files import named_errors

_IMAGES = ('.avif', '.bmp', '.gif', '.heic', '.heif', '.jfif', '.jp2', '.jpe', '.jpeg', '.jpg',
           '.mpo', '.png', '.tif', '.tiff', '.webp')
_MOST = 1000                            # keypoints of a person


def read_yolo(path: Path, images: Path | None) -> Builder:
    """Read ``data.yaml``: ``train`` and ``val`` are folders of images or lists of their paths.

    ``test`` is left out, as it is for a test after all training.

    The label of ``images/a.jpg`` is ``labels/a.txt``: class, box (middle and size) and x, y and,
    where ``kpt_shape`` says so, visibility of each keypoint, as shares of the image. An image
    without one shows nobody. Without ``kpt_names`` 17 keypoints have COCO's names, unless
    ``flip_idx`` swaps others than those do; all others are numbered. Raises ``DataError`` for a
    file that is not of this form, a split without a label, and people of more than one class.
    """
    with named_errors(path, 'not a YAML file', 'export it again'):
        config = yaml.safe_load(path.read_text(encoding='utf-8'))
    shape = config.get('kpt_shape') if isinstance(config, dict) else None
    if not (isinstance(shape, list) and len(shape) == 2 and shape[1] in (2, 3)
            and shape[0] in range(1, _MOST)):
        raise DataError(f'{path}: kpt_shape is {reprlib.repr(shape)}, [keypoints, 2 or 3] needed; '
                        'this is no YOLO-pose data set')
    flips = config.get('flip_idx') or []
    names = _names(path, config, shape[0], flips)
    root = path.parent / (config.get('path') or '')
    builder = Builder(path, images or (root if root.is_dir() else path.parent), list(names),
                      flip_pairs=[(names[i], names[j]) for i, j in enumerate(flips) if i < j])
    splits: dict[str, str] = {}         # of each image the first one that lists it
    for split in ('train', 'val'):
        listed = config.get(split) or []
        for place in [listed] if isinstance(listed, str) else listed:
            for image in _images(builder, place):
                splits.setdefault(image, split)
    classes: set[float] = set()
    for split in ('train', 'val'):
        labels = {image: _label(builder, image) for image, one in splits.items() if one == split}
        if labels and not any(label.is_file() for label in labels.values()):
            raise DataError(f'{path}: {split}: {next(iter(labels.values()))} and the labels of its '
                            f'{len(labels) - 1} other images are not there; name the folder that '
                            'holds images and labels with --images')
        for image, label in labels.items():
            if label.is_file():
                classes |= _add_people(builder, image, label, names, shape[1])
    if len(classes) > 1:
        raise DataError(f'{path}: {len(classes)} classes are annotated; keep the lines of one')
    builder.validation = [image for image, split in splits.items() if split == 'val']
    return builder


def _names(path: Path, config: dict, count: int, flips: list[int]) -> list[str]:
    given = config.get('kpt_names')
    if isinstance(given, dict):                         # class -> names
        given = next(iter(given.values()))
    if given is not None and len(given) != count:
        raise DataError(f'{path}: kpt_names has {len(given)} names, and kpt_shape {count} '
                        'keypoints')
    # 17 are in COCO's order in ultralytics' own models, unless the pairs are those of an animal
    coco = skeletons.outline(skeletons.COCO)
    likely = count == len(coco['keypoints']) and flips in (
        [], list(range(count)), coco['flip_indices'])
    return given or (coco['keypoints'] if likely else [f'keypoint_{i}' for i in range(count)])


def _images(builder: Builder, place: str) -> list[str]:
    """Return the names of the images of a folder or a list, which may lie elsewhere by now."""
    parts = [part for part in PureWindowsPath(place).parts if part != '..']
    for i in range(len(parts)):
        found = builder.folder / Path(*parts[i:])
        if found.is_dir():
            return [builder.add_image(str(image.relative_to(builder.folder)))
                    for image in sorted(found.rglob('*')) if image.suffix.lower() in _IMAGES]
        if found.is_file():
            lines = _lines(found)
            return [builder.add_image(line.strip()) for line in lines if line.strip()]
    raise DataError(f'{builder.path}: {builder.folder} has no {place}; name the folder that holds '
                    'images and labels with --images')


def _lines(path: Path) -> list[str]:
    with named_errors(path, 'not a text', 'export it again'):
        return path.read_text(encoding='utf-8-sig').split('\n')


def _label(builder: Builder, image: str) -> Path:
    """Return the path of an image's label: the last folder ``images`` becomes ``labels``."""
    parts = list((builder.folder / image).with_suffix('.txt').parts)
    if 'images' in parts[:-1]:
        parts[len(parts) - 1 - parts[::-1].index('images')] = 'labels'
    return Path(*parts)


def _add_people(builder: Builder, image: str, path: Path, names: list[str], columns: int
                ) -> set[float]:
    """Add the people of a label, and return their classes."""
    classes = set()
    size = np.array([builder.images[image][side] for side in ('width', 'height')])
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            values = np.array(line.split(), float)
        except ValueError:
            values = np.empty(0)
        if len(values) != 5 + len(names) * columns or not np.isfinite(values).all():
            raise DataError(f'{path}, line {number}: {5 + len(names) * columns} numbers needed '
                            f'(class, box, {columns} for each of {len(names)} keypoints)')
        keypoints = values[5:].reshape(len(names), columns)
        seen = keypoints[:, 2] if columns == 3 else 2 * keypoints.any(-1)
        places = keypoints[:, :2] * size
        box = Box(*((values[1:3] - values[3:5] / 2) * size), *(values[3:5] * size))
        builder.add_person(image, [
            Point(name, x, y, flag == 1)
            for name, (x, y), flag in zip(names, places.tolist(), seen.tolist()) if flag > 0], box)
        classes.add(float(values[0]))
    return classes
