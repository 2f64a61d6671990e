"""What must hold of a file that was read, whatever is in it: checks for fuzzing.

A reader either raises an error of this package, one line that names the file, or returns the
numbers that an independent reader finds in the file. A check raises another error for the rest.
"""
from __future__ import annotations

import csv
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import h5py
import numpy as np
import scipy.io
from own_people import write_images
from pairs import zip_equal
from PIL import ExifTags, Image
from seed_files import JOINTS, PEOPLE

from hourglass.checkpoints import import_checkpoint, read_checkpoint, state_dict
from hourglass.datasets.checks import person_problem
from hourglass.datasets.coco import REASONS, find_people
from hourglass.datasets.coco_file import read_coco
from hourglass.datasets.flic.files import _COLUMNS, _MIRROR, read_flic
from hourglass.datasets.forms.convert import as_coco
from hourglass.datasets.lsp.files import read_lsp
from hourglass.datasets.mpii.files import read_head_box_file, read_mpii
from hourglass.datasets.mpii.release import read_release
from hourglass.datasets.person import Person
from hourglass.errors import DataError, HourglassError
from hourglass.evaluation.coco_files import read_people, read_results
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.inference.boxes import BoxFile
from hourglass.inference.places import are_fractions
from hourglass.io.images import image_size, read_image, read_reduced


@contextmanager
def refusal(path: Path) -> Iterator[None]:
    """Let an error of this package pass if it is one line that names the file, or one beside it."""
    try:
        yield
    except HourglassError as error:
        assert '\n' not in str(error) and str(path.parent) in str(error), f'badly refused: {error}'


def same(found: Any, stored: Any, what: str) -> None:
    """Raise unless all numbers are equal; NaN is equal to NaN."""
    found, stored = np.asarray(found), np.asarray(stored)
    assert np.array_equal(found, stored, equal_nan=found.dtype.kind in 'fc'), (
        f'{what}: read {found.tolist()!r:.300} where the file has {stored.tolist()!r:.300}')


def usable(people: Iterable[Person], keypoints: int) -> list[Person]:
    """Return the people that a data set does not refuse."""
    return [one for one in people if person_problem(one, keypoints, None) is None]


# images: Pillow, OpenCV and, by three calls, ourselves

@mock.patch.object(Image, 'MAX_IMAGE_PIXELS', 2**19)    # so that what may be large is read quickly
def check_image(path: Path) -> None:
    half, of_image, reduction = read_reduced(path, 2)
    pixels = read_image(path)
    height, width = pixels.shape[:2]
    assert pixels.dtype == np.uint8 and pixels.shape == (height, width, 3)
    assert (width, height) == image_size(path) == of_image, 'sizes differ'
    assert half.shape == (-(-height // reduction), -(-width // reduction), 3), 'of another size'
    with Image.open(path) as image:
        if image.format not in ('JPEG', 'PNG') or image.mode not in ('RGB', 'L') or (
                ';16' in str(image.tile)):
            return
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            return                      # several are taken in another order by OpenCV
    other = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if other is not None:
        assert other.shape == pixels.shape, f'{other.shape} px in OpenCV, {pixels.shape} here'
        off = np.abs(other.astype(int) - pixels).max()
        assert off <= 2, f'a pixel differs by {off}'


# checkpoints: the bytes of the storages in the file

def check_pth(path: Path) -> None:
    parts = [path.read_bytes()]
    with suppress(zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError), \
            zipfile.ZipFile(path) as file:
        parts += [file.read(name) for name in file.namelist()]
    for name, tensor in state_dict(read_checkpoint(path), path).items():
        stored = bytes(tensor.untyped_storage())
        assert any(stored in part for part in parts), f'{name}: its numbers are not in the file'


def check_import(path: Path) -> None:
    network, _ = import_checkpoint(path)
    assert not network.training


def check_safetensors(path: Path) -> None:
    tensors = state_dict(read_checkpoint(path), path)
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], 'little')
    header = json.loads(data[8:start])
    kinds = dict(F64='<f8', F32='<f4', F16='<f2', I64='<i8', I32='<i4', I16='<i2', I8='i1',
                 U8='u1', BOOL='?')
    names = set(header) - {'__metadata__'}
    if any(name.endswith('.scale') for name in names):
        return                          # multiplied by it
    assert set(tensors) == names, 'other names'
    for name, tensor in tensors.items():
        if kind := kinds.get(header[name]['dtype']):
            first, last = header[name]['data_offsets']
            same(tensor.numpy(), np.frombuffer(data[start + first:start + last], kind).reshape(
                header[name]['shape']), name)


# .mat: scipy, in the shapes of Matlab

def matlab(path: Path) -> dict[str, Any]:
    """Read a file with scipy's records; what scipy refuses so cannot be compared."""
    try:
        return scipy.io.loadmat(path)
    except (TypeError, ValueError) as error:
        raise DataError(f'{path}: {type(error).__name__}') from None


def check_lsp(path: Path) -> None:
    people = read_lsp(path, 'train')
    stored = matlab(path)['joints']
    poses = stored.transpose(2, 0, 1) if stored.shape[1] == 3 else stored.transpose(2, 1, 0)
    for person in usable(people, 14):
        pose, labelled = poses[person.row], ~np.isnan(person.keypoints_image).any(-1)
        same(person.keypoints_image[labelled], pose[labelled, :2].astype(float) - 1, 'joints')
        assert stored.shape[1] != 3 or (labelled == (pose[:, 2] == 1)).all(), 'labels'


def check_flic(path: Path) -> None:
    people = read_flic(path, ('train', 'test', 'extra'))
    stored = matlab(path)['examples'].ravel()
    for person in usable(people, 11):
        coords = stored[person.row]['coords'][:, _COLUMNS].T
        same(person.keypoints_image, coords[_MIRROR] if person.sides_swapped else coords, 'coords')


def check_release(path: Path) -> None:
    release = read_release(path)
    stored = matlab(path)['RELEASE'].ravel()[0]['annolist'].ravel()
    for person in release.people:
        place = stored[person.place[0]]['annorect'].ravel()[person.place[1]]
        same(person.scale, float(place['scale'].item()), 'scale')
        if person.annotated.any():
            points = {(one['id'].item(), float(one['x'].item()), float(one['y'].item()))
                      for one in place['annopoints'].ravel()[0]['point'].ravel()
                      if min(one[name].size for name in ('x', 'y', 'id'))}
            for joint in np.flatnonzero(person.annotated):
                assert (joint, *person.joints[joint].tolist()) in points, f'joint {joint}'


def check_head_boxes(path: Path) -> None:
    joints, _ = read_head_box_file(path)
    content = matlab(path)
    known = ~np.isnan(joints)
    same(joints[known], content['pos_gt_src'].transpose(2, 0, 1)[known].astype(float), 'joints')
    missing = (content['jnt_missing'].T > 0)[..., None].repeat(2, -1)
    assert (np.isnan(joints) >= missing).all(), 'a missing joint'


def check_found(path: Path, load: Callable[[Path], Any]) -> None:
    """Check prediction files; ``load`` gives the array in any order of its axes."""
    found = read_predictions(path, range(PEOPLE), JOINTS)[:]
    stored = np.array(load(path), float)
    if stored.shape[:2] == (PEOPLE, JOINTS):
        known = ~np.isnan(found)
        same(found[known], stored[..., :2][known], 'keypoints')
        zero = (stored[..., :2] == 0).all((1, 2))[:, None]
        unknown = ~np.isfinite(stored[..., :2]).all(-1) | zero
        assert (unknown >= np.isnan(found).all(-1)).all(), 'a keypoint was lost'
        assert not np.isinf(found).any(), 'infinite'


def preds(content: Any) -> Any:
    named = [name for name in ('preds', 'pred', 'pos_pred_src', 'people') if name in content]
    solid = [name for name, value in content.items() if np.ndim(value) == 3]
    return content[(named or solid)[0]]


# h5: h5py

def check_mpii_h5(path: Path) -> None:
    people = read_mpii(path)
    with h5py.File(path) as file:
        part, center, scale = (file[name][:].astype(float) for name in ('part', 'center', 'scale'))
    for person in usable(people, JOINTS):
        pose = part[person.row]
        seen = (pose != 0).any(-1)[:, None]
        same(person.keypoints_image, np.where(seen, pose - 1, np.nan), 'part')
        same(person.center_image, center[person.row] - 1, 'center')
        same(person.side_image, 200 * scale[person.row], 'scale')


def check_flic_h5(path: Path) -> None:
    people = read_flic(path)
    with h5py.File(path) as file:
        part, visible = (file[name][:].astype(float) for name in ('part', 'visible'))
    for person in usable(people, 11):
        seen = (visible[person.row] > 0)[:, None]
        same(person.keypoints_image, np.where(seen, part[person.row], np.nan), 'part')


def h5_preds(path: Path) -> Any:
    with h5py.File(path) as file:
        return preds({name: item[:] for name, item in file.items()
                       if isinstance(item, h5py.Dataset) and item.shape})


# JSON: numbers as json reads them

def number(value: Any) -> float:
    """Return a number, or a text of one, of a JSON file; it must be finite to be read."""
    assert math.isfinite(float(value)), f'read {value!r:.60}'
    return float(value)


def check_coco(path: Path) -> None:
    file = read_coco(path)
    content = json.loads(path.read_bytes())
    kinds = [one.get('id') for one in content['categories']
             if isinstance(one.get('keypoints'), list) and one['keypoints']]
    stored = [one for one in content['annotations'] if one.get('category_id') in kinds]
    for one, raw in zip_equal(file.annotations, stored):
        assert one['image_id'] == raw['image_id'] and one['image_id'] in file.images
        same(one['keypoints'], [number(value) for value in raw.get('keypoints') or
                                [0] * 3 * len(file.names)], 'keypoints')
        if raw.get('bbox'):
            same(one['bbox'], [number(value) for value in raw['bbox']], 'bbox')
    for person in usable(find_people(file, path.parent, 'bbox', REASONS)[0], len(file.names)):
        assert not np.isinf(person.keypoints_image).any()


def check_coco_truth(path: Path) -> None:
    truth = read_people(path)
    assert np.isfinite(truth.arrays.bbox_image).all()
    read_results(path, truth)


def check_mpii(path: Path, split: str | None) -> None:
    people = read_mpii(path, split)
    content = json.loads(path.read_bytes())
    stored = content['people'] if isinstance(content, dict) else content
    for person in usable(people, JOINTS):
        raw, seen = stored[person.row], ~np.isnan(person.keypoints_image).any(-1)
        joints = np.reshape(raw['joint_self' if split else 'joints'], (JOINTS, -1))
        same(person.keypoints_image[seen], [[number(value) - 1 for value in joint[:2]]
                                            for joint in joints[seen].tolist()], 'joints')
        for value in raw['objpos' if split else 'center']:
            number(value)
        same(person.side_image, 250 * number(raw['scale_provided' if split else 'scale']), 'scale')


def check_boxes(path: Path) -> None:
    file = BoxFile(path)
    content = json.loads(path.read_bytes())
    for name, rows in file.boxes.items():
        assert np.isfinite(rows).all(), f'{name}: boxes {rows.tolist()}'
        assert not are_fractions(rows[:, :4]) or len(file.boxes) > 1
    if not file.coco:
        for name, rows in file.boxes.items():
            same(rows.ravel(), [number(value) for row in content[name] for value in row], name)
        return
    stored = content if file.listed else content['annotations']
    raw = {tuple(number(value) for value in one['bbox']) for one in stored if one['bbox'][2:]}
    for name, rows in file.boxes.items():
        for x1, y1, x2, y2 in rows[:, :4].tolist():
            assert any((x, y, x + w, y + h) == (x1, y1, x2, y2) for x, y, w, h in raw), name


def check_json_found(path: Path) -> None:
    read_predictions(path, range(PEOPLE), JOINTS)[:]
    content = json.loads(path.read_bytes())
    content = content if isinstance(content, list) else preds(content)
    if not isinstance(content[0], dict):
        check_found(path, lambda _: [
            [[math.nan if value is None else value for value in joint or [None, None]]
             for joint in person or [None] * JOINTS] for person in content])


# annotations of other tools: finite numbers of the file, which our own reader of COCO takes

def check_form(path: Path, numbers_of: Callable[[Path], set[float]] | None = None) -> None:
    target = path.with_name('converted.json')
    images(path.parent)
    as_coco(path, path if path.is_dir() else path.parent, target)
    stored = numbers_of(path) if numbers_of else None
    if not target.exists():
        return                          # one of COCO's already
    try:
        file = read_coco(target)
    except HourglassError as error:
        raise AssertionError(f'converted to what is refused: {error}') from None
    finally:
        target.unlink()
    for one in file.annotations:
        x, y, flag = np.reshape(one['keypoints'], (-1, 3)).T
        assert stored is None or {*x[flag > 0], *y[flag > 0]} <= stored, 'numbers not in the file'


def check_labelme(path: Path) -> None:
    folder = path.with_name(f'{path.name}.folder')
    images(folder)
    (folder / path.name).write_bytes(path.read_bytes())
    check_form(folder)


def check_yolo(path: Path) -> None:
    """Check a file of labels."""
    table = dict(train='images', kpt_shape=[2, 3], kpt_names={0: ['nose', 'eye']})
    images(path.parent)
    (path.parent / 'labels' / path.name).write_bytes(path.read_bytes())
    path.with_name('data.yaml').write_text(json.dumps(table))
    check_form(path.with_name('data.yaml'))


def images(folder: Path) -> None:
    """Write the images that the annotations name, once."""
    if not (folder / 'a.png').exists():
        write_images(folder, ['a.png', 'images/a.png', 'images/fuzzed.png',
                              'labeled-data/video/a.png'])
        (folder / 'labels').mkdir()
        (folder / 'labels/a.txt').write_text('0 0.3 0.4 0.2 0.3 0.25 0.25 2 0.3 0.2 1\n')


def cells(path: Path) -> set[float]:
    found = set()
    with path.open(encoding='utf-8', newline='') as file:
        for cell in (cell for row in csv.reader(file) for cell in row):
            with suppress(ValueError):
                found.add(float(cell))
    return found
