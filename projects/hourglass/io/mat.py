"""Matlab files, read with errors that name the file."""
from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.io import loadmat

from hourglass.errors import DataError
from hourglass.io import files

_HEADER, _COMPRESSED = 128, 15          # bytes; miCOMPRESSED in Matlab's "MAT-File Format"


def read_mat(path: str | Path, variable: str, fields: Sequence[str] = ()) -> ndarray:
    """Read one variable of a .mat file, with structs as objects that have attributes.

    Raises ``DataError`` if the file cannot be read, or lacks the variable, or its structs a field.
    """
    value = np.atleast_1d(read_mat_as_stored(path, variable, squeeze_me=True,
                                             struct_as_record=False))
    missing = [field for field in fields if value.size and not hasattr(value.flat[0], field)]
    if missing:
        raise DataError(f"{path}: '{variable}' has no field '{missing[0]}'")
    return value


def read_mat_as_stored(path: str | Path, variable: str, **options: bool) -> ndarray:
    """Read one variable of a .mat file in the shapes that ``scipy.io.savemat`` writes back.

    ``options`` of ``scipy.io.loadmat`` change the shapes.
    """
    content = load_mat(path, variable_names=[variable], **options)
    if variable not in content:
        raise DataError(f"{path}: holds no '{variable}', so it is another file than expected, or "
                        'cut off; fetch it again')
    return content[variable]


def load_mat(path: str | Path, **options: bool | list[str]) -> dict[str, Any]:
    """Call ``scipy.io.loadmat``, with errors that name the file.

    Raises ``DataError`` if it is missing, not readable, or unpacks to over ``MOST_UNPACKED`` bytes.
    """
    with files.named_errors(path, 'not a readable .mat file'):
        data = Path(path).read_bytes()
        _check_size(data)
        with suppress(NotImplementedError):
            return loadmat(BytesIO(data), **options)
    raise DataError(f'{path}: a Matlab 7.3 file; save it with -v7')


def _check_size(data: bytes) -> None:
    """Raise ``ValueError`` if the variables of a file of Matlab 5 to 7 unpack to too much.

    scipy unpacks without a bound; a compressed variable can grow a thousandfold.
    """
    if data[:4].count(0) or data[124:128] not in (b'\0\1IM', b'\1\0MI'):
        return                          # Matlab 4, 7.3 or no such file: left to scipy
    byte_order = '<' if data[126:128] == b'IM' else '>'
    at, room = _HEADER, files.MOST_UNPACKED
    while at < len(data):
        kind, size = struct.unpack_from(f'{byte_order}II', data, at)
        at += 8
        if at + size > len(data):
            raise ValueError(f'it breaks off after {len(data)} bytes')
        packed, stream = data[at:at + size], zlib.decompressobj()
        while kind == _COMPRESSED and not stream.eof:
            part = stream.decompress(packed, 2**20)
            if not part and not stream.eof:
                raise ValueError('a variable breaks off')
            packed, room = stream.unconsumed_tail, room - len(part)
            if room < 0:
                raise ValueError(f'it unpacks to more than {files.MOST_UNPACKED >> 20} MiB')
        at += size
