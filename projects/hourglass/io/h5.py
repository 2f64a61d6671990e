"""HDF5 files, read with errors that name the file."""
from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy import ndarray

from hourglass.errors import DataError
from hourglass.io.files import named_errors

_MOST_BYTES = 2**32                     # of an array: sixteen million rows of 16 points (x, y)


class H5Array:
    """A numeric array of an h5 file, read piece by piece, with the shape and dtype of numpy's."""

    def __init__(self, dataset: h5py.Dataset, path: str | Path):
        self._dataset, self._path = dataset, path
        self.shape: tuple[int, ...] = dataset.shape
        self.dtype: np.dtype = dataset.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: slice | tuple[slice, ...]) -> ndarray:
        """Read a part of the array, or raise ``DataError`` if the file is damaged there."""
        name = self._dataset.name[1:]
        with named_errors(self._path, f"'{name}' cannot be read", 'fetch the file again'):
            return self._dataset[where]


def open_h5(path: str | Path) -> dict[str, H5Array]:
    """Open an h5 file, and keep it open, for reading the arrays at its top level.

    Raises ``DataError`` if the file is missing or not an h5 file, refers to other files, or claims
    an array of more than 4 GiB: values that were never written take no room in a file.
    """
    with named_errors(path, 'not a readable h5 file'):
        file = h5py.File(path)
        foreign = [name for name in file
                   if isinstance(file.get(name, getlink=True), h5py.ExternalLink)]
        found = {} if foreign else {name: item for name, item in file.items()
                                    if isinstance(item, h5py.Dataset) and item.shape}
        foreign += [name for name, item in found.items() if item.external or item.is_virtual]
        large = [name for name, item in found.items() if item.nbytes > _MOST_BYTES]
    if foreign:
        raise DataError(f"{path}: '{foreign[0]}' lies in another file; copy it into this one")
    if large:
        raise DataError(f"{path}: '{large[0]}' of shape {found[large[0]].shape} takes more than "
                        f'{_MOST_BYTES >> 30} GiB; fetch it again')
    return {name: H5Array(item, path) for name, item in found.items()}
