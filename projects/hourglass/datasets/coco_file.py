"""Annotation files in COCO's form, of any keypoints.

Such a file has ``images`` (``id``, ``file_name`` and, where known, ``width`` and ``height``),
``categories``, with names of ``keypoints`` and a ``skeleton`` of bones, counted from 1, and
``annotations`` (``id``, ``image_id``, ``category_id``; ``keypoints``: x, y and a flag, which is 0
where not annotated and 1 where occluded; ``bbox``, ``area``, ``iscrowd``). Coordinates are image
px, and boxes x, y, width, height.
"""
from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.datasets.skeletons import Pair
from hourglass.errors import DataError
from hourglass.io.files import read_json


@dataclass
class CocoFile:
    """The content of an annotation file, checked."""

    path: Path
    names: list[str]                    # of the K keypoints
    bones: list[Pair]
    images: dict[Any, dict]             # id -> record, with file_name
    # keypoints is an array (3K,); image_id is in images; row is the place in the file, from 0
    annotations: list[dict]


def read_coco(path: str | Path, category: str | None = None) -> CocoFile:
    """Read an annotation file, and check it.

    Args:
        category: name of the category to read; by default all that have names of keypoints, which
            must be the same for all of them.

    Raises:
        DataError: for a file that cannot be read, an id that is there twice, an unknown image, or
            an annotation whose keypoints, box or area are not those of the form.
    """
    path = Path(path)
    content = read_json(path, 'export it again', ignored='segmentation')     # of many numbers
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in (
            'images', 'categories', 'annotations')):
        raise DataError(f"{path}: 'images', 'categories' and 'annotations' needed, as in COCO's "
                        'annotation of people')
    chosen = _chosen_categories(
        records(content['categories'], (), path, 'category'), category, path)
    names = list(map(str, chosen[0]['keypoints']))
    if strange := [name for name in names if not name.isprintable()]:
        raise DataError(f'{path}: a keypoint is named {strange[0]!r}; give it a name of one line')
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f'{path}: two keypoints are named {twice[0]!r}; name them apart')
    images = {one['id']: one for one in records(content['images'], ('id',), path, 'image')}
    for one in images.values():
        one['file_name'] = str(one.get('file_name', one['id']))
    for side in ('width', 'height'):
        _columns([one for one in images.values() if one.get(side)], side, (), f'{path}, image')
    found = _annotations_of(chosen, content, path)
    for one in records(found, ('id', 'image_id'), path, 'annotation'):
        if one['image_id'] not in images:
            raise DataError(f"{path}, annotation {one['id']}: image {one['image_id']!r} is not in "
                            "'images'")
    _check_numbers(found, 3 * len(names), f'{path}, annotation')
    return CocoFile(path, names, _bones(chosen[0].get('skeleton') or [], names, path), images,
                    found)


def _chosen_categories(categories: list[dict], category: str | None, path: Path) -> list[dict]:
    """Return the categories to read, whose keypoints have the same names."""
    named = [(str(one.get('name')), one) for one in categories
             if isinstance(one.get('keypoints'), list) and one['keypoints']]
    chosen = [one for name, one in named if category in (None, name)]
    if named and not chosen:
        raise DataError(f"{path}: no category {category!r} with names of keypoints; choose one of "
                        f"{', '.join(dict(named))}")
    if not chosen or any(one['keypoints'] != chosen[0]['keypoints'] for one in chosen):
        raise DataError(
            f'{path}: {len(chosen)} categories have names of keypoints, one needed'
            + (f"; choose one of {', '.join(dict(named))} with category" if named else
               '; export the annotation as COCO keypoints'))
    return chosen


def _annotations_of(chosen: list[dict], content: dict, path: Path) -> list[dict]:
    """Return the annotations of the chosen categories, each with its ``row`` in the file."""
    ids, known = ([one.get('id') for one in categories]         # of any type
                  for categories in (chosen, content['categories']))
    found = []
    for row, one in enumerate(records(content['annotations'], (), path, 'annotation')):
        one['row'] = row
        if len(known) == 1:
            one.setdefault('category_id', known[0])
        if 'category_id' not in one:
            raise DataError(f"{path}, annotation {one.get('id', row)}: no 'category_id'")
        if one['category_id'] not in known:
            raise DataError(f"{path}, annotation {one.get('id', row)}: category "
                            f"{one['category_id']!r} is not in 'categories'")
        if one['category_id'] in ids:
            found.append(one)
    return found


def _check_numbers(annotations: list[dict], length: int, where: str) -> None:
    """Check the numbers of annotations, and make an array (length,) of the keypoints of each."""
    for one in annotations:
        if not one.get('keypoints'):                    # a box alone
            one['keypoints'] = [0] * length
    # an array has a third of the size of lists, which matters for large files
    for one, row in zip(annotations, _columns(annotations, 'keypoints', (length,), where)):
        one['keypoints'] = row
    sized = [one for one in annotations if one.get('area') is not None]
    for one, area in zip(sized, _columns(sized, 'area', (), where)):
        if area < 0:
            raise DataError(f"{where} {one['id']}: area is {area:g}; give 0 where it is not known")
    for key, shape in (('iscrowd', ()), ('bbox', (4,))):        # the text '0' would be true
        _columns([one for one in annotations if one.get(key)], key, shape, where)


def _bones(skeleton: Any, names: list[str], path: Path) -> list[Pair]:
    """Return bones by name; some tools count keypoints from 0, and then one of them is 0.

    Bones are for drawings alone: if one joins other keypoints, as in CrowdPose, whose file has
    COCO's bones, there are none, and a warning says so.
    """
    try:
        links = np.array(skeleton, int).reshape(-1, 2)
    except (TypeError, ValueError, OverflowError):
        links = np.array([[-1, -1]])
    links = links - (0 if (links == 0).any() else 1)
    if ((links < 0) | (links >= len(names))).any():
        warnings.warn(f'{path}: categories: skeleton {skeleton} does not join pairs of the '
                      f'{len(names)} keypoints, counted from 1; no bones are drawn', stacklevel=3)
        return []
    return [(names[a], names[b]) for a, b in links]


def has_area(bbox: Sequence[float] | None) -> bool:
    """Return whether a box x, y, width, height is there and has an area."""
    return bool(bbox) and bbox[2] > 0 and bbox[3] > 0       # type: ignore[index]


def records(content: Any, keys: Sequence[str], path: Path, what: str) -> list[dict]:
    """Return the records if each is a dict that has the keys, and an ``id`` of its own."""
    if not isinstance(content, list):
        raise DataError(f'{path}: a list needed, with a record for each {what}')
    ids = set()
    for place, record in enumerate(content):
        where = f'{path}, {what} {place}'
        if not isinstance(record, dict):
            raise DataError(f'{where}: {record!r} where a record is needed')
        for key in keys:
            if key not in record:
                raise DataError(f'{where}: no {key!r}')
            if key in ('id', 'image_id') and not isinstance(record[key], (int, str)):
                raise DataError(f'{where}: {key!r} is {record[key]!r}, a number or a name needed')
        if 'id' in keys:
            if record['id'] in ids:
                raise DataError(f"{path}: two of the {what}s have the id {record['id']!r}; number "
                                'them apart')
            ids.add(record['id'])
    return content


def _columns(records: list[dict], key: str, shape: tuple[int, ...], where: str) -> ndarray:
    """Return a value of every record, (R, *shape), each checked as by :func:`floats`."""
    with suppress(TypeError, ValueError, OverflowError):
        numbers = _numbers([one[key] for one in records])
        if numbers.shape == (len(records), *shape) and np.isfinite(numbers).all():
            return numbers
    rows = [floats(one[key], shape, f"{where} {one['id']}: {key}")
            for one in records]                         # raises, unless there are none
    return np.reshape(rows, (-1, *shape))


def _numbers(values: Any) -> ndarray:
    """Return an array of floats; numpy alone would also take a text for a number."""
    numbers = np.array(values)
    if numbers.dtype.kind in 'SU':
        raise TypeError('could not convert a text to a number')
    return numbers.astype(float)


def floats(values: Any, shape: tuple[int, ...] | None, where: str) -> ndarray:
    """Return values as an array, or raise ``DataError`` unless they are finite and of a shape.

    Any shape, and numbers that are not finite, are fine where it is None.
    """
    try:
        numbers = _numbers(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f'{where}: {error}; numbers needed') from None
    if shape is None:
        return numbers
    if numbers.shape != shape:
        needed = f'a list of {shape[0]}' if shape else 'one'
        raise DataError(f'{where}: {numbers.size} numbers, {needed} needed')
    if not np.isfinite(numbers).all():
        place = np.isfinite(numbers).argmin()
        raise DataError(f'{where}: number {place + 1} of {numbers.size} is {numbers.flat[place]}, '
                        'a finite one needed')
    return numbers
