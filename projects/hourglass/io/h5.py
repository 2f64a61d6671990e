"""HDF5 files, read with errors that name the file."""
from pathlib import Path

import h5py
import numpy as np
from numpy import ndarray

from hourglass.errors import DataError


class H5Array:
    """A numeric array of an h5 file, read piece by piece.

    Raises:
        DataError: on reading a part of the file that is damaged.
    """

    def __init__(self, dataset: h5py.Dataset, path: str | Path):
        self._dataset, self._path = dataset, path
        self.shape, self.dtype = dataset.shape, dataset.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where) -> ndarray:
        try:
            return self._dataset[where]
        except Exception as error:              # h5py raises a dozen types for a broken file
            raise DataError(f"{self._path}: '{self._dataset.name[1:]}' cannot be read ({error}); "
                            'fetch the file again') from None


_MOST_BYTES = 2**32                     # of an array: sixteen million people of MPII


def open_h5(path: str | Path) -> dict[str, H5Array]:
    """All arrays at the top of an h5 file, which stays open for reading.

    Raises:
        DataError: if it is missing or no h5 file, takes its numbers from other files, or claims an
            array of more than 4 GiB: what nobody wrote takes no room in the file.
    """
    if not Path(path).is_file():
        raise DataError(f'{path}: no such file')
    try:
        file = h5py.File(path)
        foreign = [name for name in file if isinstance(file.get(name, getlink=True),
                                                       h5py.ExternalLink)]
        found = {} if foreign else {name: item for name, item in file.items()
                                    if isinstance(item, h5py.Dataset) and item.shape}
        foreign += [name for name, item in found.items() if item.external or item.is_virtual]
        large = [name for name, item in found.items() if item.nbytes > _MOST_BYTES]
    except Exception as error:                  # h5py raises a dozen types for a broken file
        raise DataError(f'{path}: not a readable h5 file ({error}); fetch it again') from None
    if foreign:
        raise DataError(f"{path}: '{foreign[0]}' lies in another file; copy it into this one")
    if large:
        raise DataError(f"{path}: '{large[0]}' of shape {found[large[0]].shape} takes more than "
                        f'{_MOST_BYTES >> 30} GiB; fetch it again')
    return {name: H5Array(item, path) for name, item in found.items()}


def people_arrays(path: str | Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, H5Array]:
    """Arrays of numbers with one row per person.

    Args:
        shapes: name of each array, and the shape of a person's row in it.

    Raises:
        DataError: if the file cannot be read, or an array is missing or another than expected.
    """
    return _checked(open_h5(path), path, shapes)


def _checked(arrays: dict[str, H5Array], path: str | Path, shapes: dict[str, tuple[int, ...]]
             ) -> dict[str, H5Array]:
    missing = [name for name in shapes if name not in arrays]
    if missing:
        raise DataError(f"{path}: holds no '{missing[0]}', so it is another file than expected")
    found = {name: arrays[name] for name in shapes}
    for name, array in found.items():
        if array.dtype.kind not in 'fiub':
            raise DataError(f"{path}: '{name}' holds {array.dtype}, numbers needed; fetch it again")
        if array.shape[1:] != shapes[name]:
            raise DataError(f"{path}: '{name}' of shape {array.shape}, (people, "
                            f"{', '.join(map(str, shapes[name]))}) needed".replace(', )', ',)'))
    lengths = {name: len(array) for name, array in found.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f'{path}: arrays of different lengths, {lengths}; fetch it again')
    return found


def read_people(path: str | Path, shapes: dict[str, tuple[int, ...]]
                ) -> tuple[list[str], dict[str, ndarray]]:
    """Names of everybody's images, from ``imgname``, and the arrays of :func:`people_arrays`.

    Raises:
        DataError: if the file cannot be read, or lacks an array.
    """
    there = open_h5(path)
    arrays = {name: array[:] for name, array in _checked(there, path, shapes).items()}
    if 'imgname' not in there:
        raise DataError(f"{path}: holds no 'imgname', so it is another file than expected")
    names = names_of(there['imgname'][:], path)
    people = len(next(iter(arrays.values())))
    if len(names) != people:
        raise DataError(f'{path}: {len(names)} image names for {people} people; fetch it again')
    return names, arrays


def names_of(array: ndarray, path: str | Path) -> list[str]:
    """File names out of an h5 file: byte strings, or rows of character codes (torch7's way)."""
    try:
        if array.ndim == 2:
            array = [np.asarray(row, np.uint8).tobytes() for row in array]
        return [name.decode().rstrip('\0') for name in array]
    except (AttributeError, ValueError, TypeError):
        raise DataError(f"{path}: 'imgname' holds no names of files; fetch it again") from None
