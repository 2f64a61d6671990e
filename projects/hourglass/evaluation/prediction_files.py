"""Prediction files of all kinds, read piece by piece, so that memory does not grow with them.

| file | predictions |
|---|---|
| ``.npy`` | the array |
| ``.h5``, ``.mat`` | ``preds``, ``pred``, ``pos_pred_src`` (Tompson), or the only one of 3 axes |
| ``.json`` | such an array as lists; or records with ``keypoints`` and ``row`` |

An array's axes may come in any order (Matlab writes (2, K, P)), and a score may follow x and y.
Where ``joints`` names them, there may be more of them than are scored, in any order.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy import ndarray

from hourglass.errors import DataError
from hourglass.io.files import named_errors, read_json
from hourglass.io.h5 import H5Array, open_h5
from hourglass.io.mat import load_mat

_NAMES = ('preds', 'pred', 'pos_pred_src')


@dataclass
class Predictions:
    """Predicted joints of P people in image px, 0-based or 1-based as in their file."""

    path: Path
    base: int | None                    # 0 or 1 if the file states it
    _array: ndarray | H5Array
    _axes: tuple[int, ...]              # of people, joints and coordinates
    _order: list[int] | None = None     # of the K joints among the file's; None: as they are

    def __getitem__(self, people: slice) -> ndarray:
        """Return (n, K, 2) float64 of some people, NaN where nothing was predicted.

        A person with all joints at (0, 0) was not predicted: the row was never filled.
        """
        where = [slice(None)] * 3
        where[self._axes[0]] = people
        keypoints = np.array(self._array[tuple(where)], float).transpose(self._axes)[..., :2]
        keypoints[(keypoints == 0).all((1, 2))] = np.nan
        keypoints[np.isinf(keypoints).any(-1)] = np.nan
        return keypoints if self._order is None else keypoints[:, self._order]


def read_predictions(path: str | Path, rows: Sequence[int], num_keypoints: int,
                     names: Sequence[str] = ()) -> Predictions:
    """Open a file of K keypoints for each person.

    Args:
        rows: the rows of the people in the annotation file, in the order to be scored.
        names: of the K keypoints; a ``.json`` file that names its ``joints`` may have others and
            another order.

    Raises:
        DataError: for a file that cannot be read or holds another number of people or joints.
    """
    path, base = Path(path), None
    array: ndarray | H5Array
    order: list[int] | None = None
    if path.suffix == '.json':
        array, base, joints = _read_json(path, rows, num_keypoints, names)
        if joints:
            num_keypoints, order = len(joints), [joints.index(name) for name in names]
    elif path.suffix == '.npy':
        with named_errors(path, 'not a readable .npy file of numbers', 'write it with numpy.save'):
            array = np.load(path, mmap_mode='r', allow_pickle=False)
            if not isinstance(array, ndarray):
                raise ValueError('an archive of several arrays')
    elif path.suffix == '.mat' and not h5py.is_hdf5(path):      # -v7.3 is h5
        array = _choose(load_mat(path), path)
    elif path.suffix in ('.h5', '.hdf5', '.mat'):
        array = _choose(open_h5(path), path)
    else:
        raise DataError(f'{path}: predictions must be .npy, .h5, .mat or .json')
    if np.dtype(array.dtype).kind not in 'fiu':
        raise DataError(f'{path}: holds {array.dtype} where numbers are needed')
    shape, needed = tuple(array.shape), (len(rows), num_keypoints)
    fitting = [axes for axes in permutations(range(3)) if len(shape) == 3
               and (shape[axes[0]], shape[axes[1]]) == needed and shape[axes[2]] in (2, 3)]
    if not fitting:
        raise DataError(f'{path}: predictions of shape {shape}, {(*needed, 2)} needed for this '
                        'ground truth: one row for each of its people, in its order (NaN for '
                        'people who were not predicted), every joint')
    if len(fitting) > 1 and fitting[0] != (0, 1, 2):
        raise DataError(f'{path}: which axis of {shape} are the people? Store it as '
                        '(people, joints, 2)')
    return Predictions(path, base, array, fitting[0], order)


def _choose(arrays: Mapping[str, Any], path: Path) -> Any:
    named = [name for name in _NAMES if name in arrays]
    shapes = {name: array.shape for name, array in arrays.items() if hasattr(array, 'shape')}
    solid = [name for name, shape in shapes.items() if len(shape) == 3]
    if not named and len(solid) != 1:
        raise DataError(f"{path}: which array holds the predictions? It has {shapes}; name it "
                        "'preds'")
    return arrays[(named or solid)[0]]


def _read_json(path: Path, rows: Sequence[int], num_keypoints: int, names: Sequence[str]
               ) -> tuple[ndarray, int | None, list[str]]:
    """Return the numbers, the base, and the names of the file's joints, if both sides have them."""
    content, base, joints = read_json(path, 'write it again'), None, []
    if isinstance(content, dict):
        base = content.get('base')
        joints = _names(content['joints'], names, path) if content.get('joints') and names else []
        num_keypoints = len(joints) or num_keypoints
        content = next((content[key] for key in (*_NAMES, 'people') if key in content), None)
    if base not in (0, 1, None):
        raise DataError(f'{path}: base is {base!r}, 0 or 1 needed')
    if not isinstance(content, list) or not content:
        raise DataError(f"{path}: a list of people needed, as it is or under 'preds' or 'people'")
    if isinstance(content[0], dict):
        return _from_records(content, rows, num_keypoints, path), base, joints
    people = [_numbers(person, num_keypoints, f'{path}, person {row}')
              for row, person in enumerate(content)]
    for row, person in enumerate(people):
        if person.shape != people[0].shape:
            raise DataError(f'{path}, person {row}: {person.shape} numbers where the first has '
                            f'{people[0].shape}')
    return np.stack(people), base, joints


def _names(joints: Any, names: Sequence[str], path: Path) -> list[str]:
    """Return the names of a file's joints, which must include ``names``."""
    if not isinstance(joints, list) or not all(isinstance(joint, str) for joint in joints):
        raise DataError(f'{path}: joints is {joints!r}, a list of names needed')
    if missing := set(names) - set(joints):
        raise DataError(f"{path}: no '{min(missing)}' among its joints; name them as the "
                        "annotation does, or leave 'joints' out if they are in its order")
    return joints


def _from_records(records: list, rows: Sequence[int], num_keypoints: int, path: Path) -> ndarray:
    """Read records in any order; people without a record stay NaN."""
    by_row = 'row' in records[0]
    if not by_row and 'image_id' in records[0]:
        raise DataError(f"{path}: records by 'image_id' do not say which person of the image is "
                        "meant; give each its 'row', the person's row in the annotation file")
    if not by_row and len(records) != len(rows):
        raise DataError(f"{path}: {len(records)} records without a 'row' for {len(rows)} people; "
                        'number them, from 0 as in the annotation file')
    numbers = rows if by_row else range(len(rows))
    free = {value: place for place, value in enumerate(numbers)}
    found = np.full((len(rows), num_keypoints, 2), np.nan)
    for number, record in enumerate(records):
        where = f'{path}, record {number}'
        if not isinstance(record, dict) or 'keypoints' not in record:
            raise DataError(f"{where}: no 'keypoints'")
        value = record.get('row') if by_row else number
        if not isinstance(value, int) or value not in free:
            raise DataError(f'{where}: row {value!r} is '
                            f"{'there twice' if value in numbers else 'no person to be scored'}")
        keypoints = _numbers(record['keypoints'], num_keypoints, where)
        if keypoints.ndim == 1 and len(keypoints) % num_keypoints == 0:
            keypoints = keypoints.reshape(num_keypoints, -1)            # COCO's flat x, y, score
        if keypoints.ndim != 2 or len(keypoints) != num_keypoints or keypoints.shape[1] < 2:
            raise DataError(f'{where}: keypoints of shape {keypoints.shape}, ({num_keypoints}, 2) '
                            'needed')
        found[free.pop(value)] = keypoints[:, :2]
    return found


def _numbers(values: Any, num_keypoints: int, where: str) -> ndarray:
    """Return a person's numbers in their nesting; NaN for a person, joint or number of null."""
    if values is None:
        values = [None] * num_keypoints
    if isinstance(values, list) and not any(isinstance(v, (int, float)) for v in values):
        width = next((len(joint) for joint in values if isinstance(joint, list)), 2)
        values = [[None] * width if joint is None else joint for joint in values]
    try:
        return np.array(values, float)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f'{where}: {error}; numbers needed') from None
