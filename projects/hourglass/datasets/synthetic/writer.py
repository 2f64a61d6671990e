"""A folder of rendered images with their annotation file, complete or absent, never in between.

The annotation is written last and under a temporary name first, so a folder that holds one is
complete. It opens with the recipe it was made from; asking for the same recipe again does nothing.
"""
from __future__ import annotations

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from hourglass.datasets.synthetic.image import SMALLEST_SIDE, render_person
from hourglass.errors import DataError
from hourglass.io.files import not_written, write_json

_GENERATOR = 'hourglass synthetic people'
VERSION = 2                             # to be raised when the same seed draws another image


def _write_image(images: Path, recipe: dict[str, Any], index: int) -> dict[str, Any]:
    """Render and save image number ``index``; return its record."""
    seed = recipe['seed'], recipe['stream'], index
    image, record = render_person(seed, tuple(recipe['size']))
    name = f'{index:06d}.jpg'
    _, code = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, recipe['jpeg_quality']))
    (images / name).write_bytes(code.tobytes())
    return {'image': name, **record}


def _content_of(annotation: Path) -> dict[str, Any]:
    """Return what an annotation file holds; empty if it cannot be read."""
    try:
        content = json.loads(annotation.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_complete(content: dict[str, Any], images: Path, recipe: dict[str, Any]) -> bool:
    """Whether a folder holds all images of a recipe; not where something is unreadable."""
    try:
        wanted = {person['image'] for person in content['people']}
        return (content['info'] == recipe and len(wanted) == recipe['count']
                and wanted <= set(os.listdir(images)))
    except (OSError, KeyError, TypeError):
        return False


def _is_rendered(content: dict[str, Any]) -> bool:
    info = content.get('info')
    return isinstance(info, dict) and info.get('generator') == _GENERATOR


def _check(recipe: dict[str, Any], workers: int) -> None:
    limits = (
        ('count', recipe['count'], 1, 999_999),
        ('seed', recipe['seed'], 0, 2**63 - 1),
        ('stream', recipe['stream'], 0, 2**31 - 1),
        ('width', recipe['size'][0], SMALLEST_SIDE, 4096),
        ('height', recipe['size'][1], SMALLEST_SIDE, 4096),
        ('workers', workers, 1, 256))
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise DataError(f'synthetic images: {name} is {value}; '
                            f'give a whole number from {low} to {high}')


def write_synthetic(folder: str | os.PathLike[str], count: int, seed: int, workers: int = 2,
                    size: tuple[int, int] = (160, 160), stream: int = 0) -> Path:
    """Write ``images/NNNNNN.jpg`` and ``annotations.json`` to a folder, unless they are there.

    The images depend on ``seed``, ``stream`` and ``size`` alone, not on ``workers``, and the first
    images of a longer run are those of a shorter one. Images of another recipe are replaced.
    Returns the path of the annotation file, ``{"info": recipe, "people": [record, ...]}`` with the
    records of :func:`render_person` and the file's name in ``image``. Raises ``DataError`` for an
    argument out of range, a folder that cannot be written, and one with other annotations or images
    of such names.

    Args:
        count: number of images.
        seed: any whole number from 0.
        workers: processes that render; 1 renders in this process.
        size: (w, h) in pixels.
        stream: splits of one data set take different streams, which never share an image.
    """
    recipe = {'generator': _GENERATOR, 'version': VERSION, 'count': count,
              'seed': seed, 'stream': stream, 'size': list(size), 'jpeg_quality': 92}
    _check(recipe, workers)
    annotation, images = Path(folder) / 'annotations.json', Path(folder) / 'images'
    content = _content_of(annotation)
    if _is_complete(content, images, recipe):
        return annotation
    unfinished, old = Path(folder) / '.rendering', list(images.glob('[0-9]' * 6 + '.jpg'))
    if not (unfinished.exists() or _is_rendered(content)) and (old or annotation.exists()):
        raise DataError(f'{folder}: has annotations or images that were not rendered; choose '
                        'another folder')
    try:
        # what an earlier or interrupted run left goes first, its annotation before its images
        images.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
        annotation.unlink(missing_ok=True)
        for path in old:
            path.unlink(missing_ok=True)
        people = _render_all(partial(_write_image, images, recipe), count, workers)
        write_json(annotation, {'info': recipe, 'people': people})
        unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise not_written(folder, error) from None
    return annotation


def _render_all(render: partial, count: int, workers: int) -> list[dict[str, Any]]:
    """Records of all images in order, rendered here or by several processes."""
    if workers == 1:
        return [render(index) for index in range(count)]
    # A fork of a process whose OpenCV has run threads waits for them forever; a fork server is
    # fresh, and imports everything once for all workers.
    fork_server = 'forkserver' in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context('forkserver' if fork_server else 'spawn')
    if fork_server:
        context.set_forkserver_preload(['__main__', __name__])
    with ProcessPoolExecutor(min(workers, count), context, cv2.setNumThreads, (1,)) as pool:
        return list(pool.map(render, range(count), chunksize=max(1, min(32, count // workers))))
