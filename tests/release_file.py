"""Writes .mat files of the structure of MPII's official release, for the tests that read them."""
from pathlib import Path

import numpy as np
from scipy.io import savemat

EMPTY = np.zeros((0, 0))                # Matlab's []


def structs(*elements: dict) -> np.ndarray:
    """A struct array (1, N), [] for none: all elements have all fields, empty where not given."""
    if not elements:
        return EMPTY
    names = list(dict.fromkeys(name for element in elements for name in element))
    array = np.empty((1, len(elements)), [(name, object) for name in names])
    for index, element in enumerate(elements):
        for name in names:
            array[name][0, index] = element.get(name, EMPTY)
    return array


def cells(*values) -> np.ndarray:
    """A column of cells (N, 1)."""
    array = np.empty((len(values), 1), object)
    for index, value in enumerate(values):
        array[index, 0] = value
    return array


def point(joint: int, x: float, y: float, **others) -> dict:
    return dict(x=x, y=y, id=joint, **others)


def rect(points=(), box=(10.0, 20.0, 13.0, 24.0), **changes) -> dict:
    """A person as of a training image; a field changed to None is left out."""
    fields = dict(zip(('x1', 'y1', 'x2', 'y2'), box)) | dict(
        annopoints=structs(dict(point=structs(*points))), scale=1.5,
        objpos=structs(dict(x=101.0, y=81.0))) | changes
    return {name: value for name, value in fields.items() if value is not None}


def pose(seed: int, **marks) -> list[dict]:
    """Points of all 16 joints, as the release has them: no ``is_visible`` at neck and head top."""
    xy = np.random.default_rng(seed).integers(1, 200, (16, 2)).astype(float)
    return [point(joint, x, y, **({} if joint in (8, 9) else dict(is_visible=1) | marks))
            for joint, (x, y) in enumerate(xy.tolist())]


def hidden_rect(**changes) -> dict:
    """A person as of a test image: a place and a size, no joints and no head box."""
    return dict(scale=2.0, objpos=structs(dict(x=50.0, y=60.0))) | changes


def image(name: str, *rects: dict, single_person=EMPTY, training: int = 1) -> dict:
    return dict(name=name, rects=rects, single_person=single_person, training=training)


def write_release(path: Path, *images: dict) -> Path:
    annolist = structs(*(dict(image=structs(dict(name=p['name'])), vididx=EMPTY,
                              annorect=structs(*p['rects'])) for p in images))
    savemat(path, dict(RELEASE=dict(
        annolist=annolist, img_train=np.array([[p['training'] for p in images]], np.uint8),
        single_person=cells(*(p['single_person'] for p in images)), version='12')))
    return path


def small_release(path: Path) -> Path:
    """Three training and three test images with every kind of hole between them.

    Tompson's validation person is the second one of ``val.jpg``, place (0, 1).
    """
    return write_release(
        path,
        image('val.jpg', rect(pose(1)), rect(pose(2, is_visible='0')), single_person=[[1, 2]]),
        image('train.jpg', rect(pose(3)), rect(objpos=None), rect(annopoints=EMPTY),
                rect(scale=EMPTY), single_person=1),
        image('no_person.jpg'),
        image('test.jpg', hidden_rect(), hidden_rect(objpos=EMPTY), hidden_rect(scale=3.0),
                single_person=[[1], [3]], training=0),
        image('empty.jpg', training=0),
        image('one.jpg', hidden_rect(), training=0))
