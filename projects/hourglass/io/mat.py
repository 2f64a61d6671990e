"""Matlab files, read with errors that name the file."""
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from hourglass.errors import DataError
from hourglass.io.files import MOST_UNPACKED

_HEADER, _COMPRESSED = 128, 15          # bytes; miCOMPRESSED in Matlab's "MAT-File Format"


def read_mat(path: str | Path, variable: str, fields: Sequence[str] = ()) -> np.ndarray:
    """One variable of a .mat file, structs as objects with attributes.

    Args:
        fields: what every struct of the variable must have.

    Raises:
        DataError: if the file cannot be read, or lacks the variable or a field.
    """
    value = np.atleast_1d(_load(path, variable, squeeze_me=True, struct_as_record=False))
    missing = [field for field in fields if value.size and not hasattr(value.flat[0], field)]
    if missing:
        raise DataError(f"{path}: '{variable}' has no field '{missing[0]}'")
    return value


def read_mat_as_stored(path: str | Path, variable: str) -> np.ndarray:
    """One variable of a .mat file in the shapes that ``scipy.io.savemat`` writes back unchanged.

    Structs are structured arrays of Matlab's shape, and so is everything in them.

    Raises:
        DataError: if the file cannot be read, or lacks the variable.
    """
    return _load(path, variable)


def _load(path: str | Path, variable: str, **options):
    content = load_mat(path, variable_names=[variable], **options)
    if variable not in content:
        raise DataError(f"{path}: holds no '{variable}', so it is another file than "
                        'expected, or cut off; fetch it again')
    return content[variable]


def load_mat(path: str | Path, **options) -> dict:
    """``scipy.io.loadmat`` of a file that unpacks to something reasonable.

    Raises:
        DataError: if it is missing, cannot be read, or unpacks to more than
            :data:`hourglass.io.files.MOST_UNPACKED` bytes.
    """
    if not Path(path).is_file():
        raise DataError(f'{path}: no such file')
    try:
        _check_elements(Path(path).read_bytes())
        return loadmat(path, **options)
    except NotImplementedError:
        raise DataError(f'{path}: a Matlab 7.3 file; save it with -v7') from None
    except Exception as error:                  # scipy raises a dozen types for a broken file
        raise DataError(f'{path}: not a readable .mat file ({error}); fetch it again') from None


def _check_elements(data: bytes) -> None:
    """Walk the variables of a file of Matlab 5 to 7 and add up what they unpack to.

    scipy unpacks without a bound, a thousandfold at most.
    """
    if data[:4].count(0) or data[124:128] not in (b'\0\1IM', b'\1\0MI'):
        return                                  # Matlab 4, 7.3, or none at all: scipy knows
    order, at, unpacked = 'little' if data[126:128] == b'IM' else 'big', _HEADER, 0
    while at < len(data):
        kind, size = (int.from_bytes(data[at + i:at + i + 4], order) for i in (0, 4))
        at += 8
        if at + size > len(data):
            raise ValueError(f'breaks off after {len(data)} bytes')
        if kind == _COMPRESSED:
            unpacked += _unpacked_size(data[at:at + size], MOST_UNPACKED - unpacked)
        at += size


def _unpacked_size(packed: bytes, most: int) -> int:
    stream, size = zlib.decompressobj(), 0
    while not stream.eof:
        part = stream.decompress(packed, 2**20)
        if not part and not stream.eof:
            raise ValueError('a variable breaks off')
        packed, size = stream.unconsumed_tail, size + len(part)
        if size > most:
            raise ValueError(f'unpacks to more than {MOST_UNPACKED >> 20} MiB')
    return size
