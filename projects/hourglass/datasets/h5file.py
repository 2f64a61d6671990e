"""HDF5 files, read with errors that name the file."""
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from numpy import ndarray

from hourglass.errors import DataError


def read_h5(path: str | Path, names: Sequence[str]) -> dict[str, ndarray]:
    """The named arrays of an h5 file, one row per person.

    Raises:
        DataError: if the file cannot be read, lacks an array, or the arrays differ in length.
    """
    with open_h5(path) as file:
        missing = [name for name in names if name not in file]
        if missing:
            raise DataError(f"{path}: holds no '{missing[0]}', so it is another file than expected")
        try:
            arrays = {name: file[name][:] for name in names}
        except (OSError, ValueError, TypeError) as error:   # torn, or no array under that name
            raise DataError(f'{path}: not readable ({error}); fetch it again') from None
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f'{path}: arrays of different lengths, {lengths}; fetch it again')
    return arrays


def open_h5(path: str | Path) -> h5py.File:
    """The file, open for reading.

    Raises:
        DataError: if it is missing or no h5 file.
    """
    if not Path(path).is_file():
        raise DataError(f'{path}: no such file')
    try:
        return h5py.File(path)
    except OSError as error:
        raise DataError(f'{path}: not a readable h5 file ({error}); fetch it again') from None


def names_of(array: ndarray) -> list[str]:
    """File names out of an h5 file: byte strings, or rows of character codes (torch7's way)."""
    if array.ndim == 2:
        array = [np.asarray(row, np.uint8).tobytes() for row in array]
    return [name.decode().rstrip('\0') for name in array]
