"""People in h5 files: arrays with one row per person, as MPII's authors store them."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.errors import DataError
from hourglass.io.h5 import H5Array, open_h5


def people_arrays(path: str | Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, H5Array]:
    """Open arrays of numbers with one row per person, of the given shape for each name.

    Raises ``DataError`` if the file cannot be read, or an array is missing or of another kind.
    """
    arrays = open_h5(path)
    for name, shape in shapes.items():
        array = _array(arrays, name, path)
        if array.dtype.kind not in 'fiub':
            raise DataError(f"{path}: '{name}' holds {array.dtype}, numbers needed; fetch it again")
        if array.shape[1:] != shape:
            needed = str(('people', *shape)).replace("'", '')
            raise DataError(f"{path}: '{name}' of shape {array.shape}, {needed} needed")
    lengths = {name: len(arrays[name]) for name in shapes}
    if len(set(lengths.values())) > 1:
        raise DataError(f'{path}: arrays of different lengths, {lengths}; fetch it again')
    return {name: arrays[name] for name in shapes}


def read_people(path: str | Path, shapes: dict[str, tuple[int, ...]]
                ) -> tuple[list[str], dict[str, ndarray]]:
    """Read the file name of each person's image, and the arrays of :func:`people_arrays` whole."""
    arrays = {name: array[:] for name, array in people_arrays(path, shapes).items()}
    names = names_of(_array(open_h5(path), 'imgname', path)[:], path)
    people = len(next(iter(arrays.values())))
    if len(names) != people:
        raise DataError(f'{path}: {len(names)} image names for {people} people; fetch it again')
    return names, arrays


def names_of(array: ndarray, path: str | Path) -> list[str]:
    """Decode file names: byte strings, or rows of character codes as torch7 writes them."""
    try:
        rows = [np.asarray(row, np.uint8).tobytes() for row in array] if array.ndim == 2 else array
        return [name.decode().rstrip('\0') for name in rows]
    except (AttributeError, ValueError, TypeError):
        raise DataError(f"{path}: 'imgname' holds no names of files; fetch it again") from None


def _array(arrays: dict[str, H5Array], name: str, path: str | Path) -> H5Array:
    if name not in arrays:
        raise DataError(f"{path}: holds no '{name}', so it is another file than expected")
    return arrays[name]
