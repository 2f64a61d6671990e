"""Matlab files, read with errors that name the file."""
from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.io import loadmat

from hourglass.errors import DataError
from hourglass.io import files

# names and numbers of Matlab's "MAT-File Format": what an element holds, and a matrix
_HEADER = 128                           # bytes
_INT8, _MATRIX, _COMPRESSED, _UTF8 = 1, 14, 15, 16
_NUMBERS = {1, 2, 3, 4, 5, 6, 7, 9, 12, 13}
_TEXT = {1, 2, 4, _UTF8, 17, 18}
_CELLS, _STRUCT, _OBJECT, _CHARS, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17


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
        if not data[:4].count(0) and data[124:128] in (b'\0\1IM', b'\1\0MI'):
            data = _unpacked(data, '<' if data[126:128] == b'IM' else '>')
        with suppress(NotImplementedError):
            return loadmat(BytesIO(data), **options)
    raise DataError(f'{path}: a Matlab 7.3 file; save it with -v7')


def _unpacked(data: bytes, byte_order: str) -> bytes:
    """Return a file of Matlab 5 to 7 with variables that are checked and not compressed.

    scipy unpacks without a bound, and a damaged variable can crash it. Raises ``ValueError``.
    """
    at, parts, room = _HEADER, [data[:_HEADER]], files.MOST_UNPACKED
    while at < len(data):
        kind, size = struct.unpack_from(f'{byte_order}II', data, at)
        end = at + 8 + size
        if end > len(data):
            raise ValueError(f'it breaks off after {len(data)} bytes')
        part = data[at:end]
        if kind == _COMPRESSED:
            stream = zlib.decompressobj()
            part = stream.decompress(part[8:], room + 1)
            if len(part) <= room and not stream.eof:
                raise ValueError('a variable breaks off')
        room -= len(part)
        if room < 0:
            raise ValueError(f'it unpacks to more than {files.MOST_UNPACKED >> 20} MiB')
        _Variable(memoryview(part), byte_order).check()
        parts.append(part)
        at = end
    return b''.join(parts)


class _Variable:
    """The bytes of a variable, a tree of elements, and the place that is checked."""

    def __init__(self, data: memoryview, byte_order: str):
        self.data, self.at = data, 0
        self.pair = struct.Struct(f'{byte_order}II')
        self.words = f'{byte_order}%di'

    def check(self) -> None:
        """Raise ``ValueError`` unless the variable is whole, and of parts that fit each other."""
        self.matrix()
        if self.at != len(self.data):
            raise ValueError('a variable is longer than its parts')

    def tag(self) -> tuple[int, int]:
        if self.at + 8 > len(self.data):
            raise ValueError('a variable breaks off')
        kind, size = self.pair.unpack_from(self.data, self.at)
        return kind, size

    def element(self, kinds: Collection[int]) -> memoryview:
        """Return the content of an element, which up to 4 bytes lie in the tag of."""
        kind, size = self.tag()
        start, length = self.at + 8, 8 + size + -size % 8
        if kind >> 16:
            kind, size, start, length = kind & 0xffff, kind >> 16, self.at + 4, 8
        if kind not in kinds or start + size > len(self.data):
            raise ValueError(f'an element of kind {kind} with {size} bytes is out of place')
        self.at = min(self.at + length, len(self.data))
        return self.data[start:start + size]

    def integers(self) -> tuple[int, ...]:
        content = self.element((5, 6))
        return struct.unpack(self.words % (len(content) // 4), content)

    def matrix(self) -> None:
        kind, size = self.tag()
        self.at += 8
        if kind != _MATRIX:
            raise ValueError(f'an element of kind {kind} where a matrix is needed')
        if size:
            self.content()

    def content(self) -> None:
        flags = self.integers()[0]
        kind, count = flags & 255, 1
        if kind != _OPAQUE:
            dims = self.integers()
            count = 0 if kind == _SPARSE else math.prod(dims)       # which stores no zeros
            if any(side < 0 for side in dims) or count > max(len(self.data), 1):
                raise ValueError(f'a matrix of {dims} is larger than its variable')
        self.element((_INT8, _UTF8))                            # the name
        if kind == _OPAQUE:
            self.element((_INT8, _UTF8))
            self.element((_INT8, _UTF8))
        elif kind == _OBJECT:
            self.element((_INT8, _UTF8))
        if kind in (_STRUCT, _OBJECT):
            length, = self.integers()
            count *= len(self.element((_INT8, _UTF8))) // length
        if kind in (_CELLS, _STRUCT, _OBJECT, _FUNCTION, _OPAQUE):
            for _ in range(1 if kind in (_FUNCTION, _OPAQUE) else count):
                self.matrix()
        elif kind == _CHARS:
            self.element(_TEXT)
        else:
            parts = [self.element(_NUMBERS)
                     for _ in range((3 if kind == _SPARSE else 1) + (flags >> 11 & 1))]
            if kind == _SPARSE and len(parts[1]) != 4 * (dims[1] + 1):      # where columns begin
                raise ValueError(f'a sparse matrix of {dims} with {len(parts[1]) // 4 - 1} columns')
