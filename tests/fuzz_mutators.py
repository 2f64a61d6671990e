"""Changes of a file that its reader looks into: an object of a JSON, a chunk of a PNG.

Each mutator takes a file's bytes, a source of randomness, and ``flip``, which changes bytes without
knowing what they mean: a fuzzer's own, or :func:`flip_bytes`. Checksums and lengths are made right.
"""
from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

Flip = Callable[[bytes], bytes]
Mutator = Callable[[bytes, Random, Flip], bytes]

_VALUES = (None, True, False, 0, 1, -1, 0.5, -0.0, 2**31, 2**53 + 1, 2**64, 10**400, 1e308,
           float('nan'), float('inf'), '', '0', '1e3', 'nan', 'a.png', '\ud800', '\0', 'x\ny', [],
           {}, [[]], [0, 0], [1, 2, 3, 4], {'id': 1})
_NUMBERS = (0, 1, 2, 3, 4, 7, 8, 14, 15, 16, 127, 128, 255, 256, 65535, 2**24, 2**31 - 1, 2**31,
            2**32 - 1, 2**40, 2**63, 2**64 - 1)
_CELLS = ('', 'x', 'y', '0', '-1', 'nan', 'inf', '1e999', '1_0', '0x1', 'a.png', '"', '\0', '2')


def flip_bytes(data: bytes, rng: Random) -> bytes:
    """Overwrite, insert, remove or repeat a few bytes, or write a number there."""
    copy = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at, size = rng.randrange(len(copy) + 1), rng.choice((1, 1, 2, 4, 8, 32))
        part = rng.choice((
            bytes(rng.randrange(256) for _ in range(size)), b'', bytes(copy[at:at + size] * 2),
            rng.choice(_NUMBERS).to_bytes(8, 'little')[:size],
            rng.choice(_NUMBERS).to_bytes(8, 'big')[-size:]))
        copy[at:at + rng.choice((0, size, len(part)))] = part
    return bytes(copy)


def numbers(data: bytes, rng: Random, flip: Flip) -> bytes:
    """Overwrite a number at a place that is a multiple of its size, as binary formats have them."""
    size = rng.choice((1, 2, 4, 8))
    if rng.random() < 0.5 or len(data) < 8:
        return flip(data)
    at = rng.randrange(len(data) // size) * size
    value = rng.choice((rng.choice(_NUMBERS), rng.randrange(64))) % 256**size
    return data[:at] + value.to_bytes(size, rng.choice(('little', 'big'))) + data[at + size:]


def json_text(data: bytes, rng: Random, flip: Flip) -> bytes:
    """Replace, remove, repeat or exchange a value somewhere in a JSON file."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return flip(data)
    return json.dumps(_changed(content, rng)).encode()


def _changed(value: Any, rng: Random) -> Any:
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.1:
        return rng.choice(_VALUES)
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = rng.choice(keys)
    action = rng.random()
    if action < 0.7:
        value[key] = _changed(value[key], rng)
    elif action < 0.8:
        del value[key]
    elif action < 0.9 and isinstance(value, list):
        value.insert(key, rng.choice(value))
    else:
        other = rng.choice(keys)
        value[key], value[other] = value[other], value[key]
    return value


def words(separators: str, tokens: Sequence[str] = ()) -> Mutator:
    """Return a mutator that replaces, removes or repeats what lies between separators in a text."""
    def mutate(data: bytes, rng: Random, flip: Flip) -> bytes:
        text = data.decode('latin-1')
        ends = [i for i, letter in enumerate(text) if letter in separators]
        if len(ends) < 2 or rng.random() < 0.3:
            return flip(data)
        place = rng.randrange(len(ends) - 1)
        start, end = ends[place] + 1, ends[min(len(ends) - 1, place + rng.choice((1, 1, 1, 4)))]
        part = rng.choice((rng.choice((*_CELLS, *tokens)), '', text[start:end] * 2,
                           text[start:end] + text[ends[place]] + text[start:end]))
        return (text[:start] + part + text[end:]).encode('latin-1')
    return mutate


def image_parts(data: bytes, rng: Random, flip: Flip) -> bytes:
    """Change a segment of a JPEG or a chunk of a PNG, remove or repeat it."""
    if data.startswith(b'\x89PNG'):
        return data[:8] + b''.join(
            part[:-4] + zlib.crc32(part[4:-4]).to_bytes(4, 'big')
            for part in _change_one(_chunks(data), rng, lambda part: _chunk(part, flip)))
    if data.startswith(b'\xff\xd8') and rng.random() < 0.7:
        return b''.join(_change_one(
            [b'\xff' + part for part in data.split(b'\xff')[1:]], rng, flip))
    return flip(data)


def _chunks(data: bytes) -> list[bytes]:
    parts, at = [], 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at:at + 4], 'big')
        parts.append(data[at:end])
        at = end
    return [part for part in parts if len(part) >= 12]


def _chunk(part: bytes, flip: Flip) -> bytes:
    """Change the content of a PNG's chunk; that of pixels is unpacked before."""
    kind, content = part[4:8], part[8:-4]
    with suppress(zlib.error):
        if kind == b'IDAT' and content[-1:] > b'\x40':
            content = zlib.compress(flip(zlib.decompress(content)))
            return struct.pack('>I', len(content)) + kind + content + bytes(4)
    content = flip(content)
    return struct.pack('>I', len(content)) + kind + content + bytes(4)


def _change_one(parts: list[bytes], rng: Random, flip: Flip) -> list[bytes]:
    if not parts:
        return parts
    place, action = rng.randrange(len(parts)), rng.random()
    if action < 0.7:
        parts[place] = flip(parts[place])
    elif action < 0.8:
        del parts[place]
    else:
        parts.insert(rng.randrange(len(parts)), parts[place])
    return parts


def header_of_json(data: bytes, rng: Random, flip: Flip) -> bytes:
    """Change the header of a safetensors file, or its numbers."""
    end = 8 + int.from_bytes(data[:8], 'little')
    if rng.random() < 0.3 or end > len(data):
        return numbers(data, rng, flip)
    header = json_text(data[8:end], rng, flip)
    return len(header).to_bytes(8, 'little') + header + data[end:]


def records_of_zip(data: bytes, rng: Random, flip: Flip) -> bytes:
    """Change a record of a zip file, such as the pickle of a checkpoint."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            records = {name: file.read(name) for name in file.namelist()}
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError,
            zlib.error):
        return flip(data)
    pickles = [name for name in records if name.endswith('data.pkl')]
    name = rng.choice(pickles if pickles and rng.random() < 0.8 else list(records) or [''])
    if rng.random() < 0.05:
        records.pop(name, None)
    else:
        records[name] = flip(records.get(name, b''))
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w') as file:
        for name, record in records.items():
            file.writestr(name, record)
    return content.getvalue()


def variables_of_mat(data: bytes, rng: Random, flip: Flip) -> bytes:
    """Change the numbers of a .mat file, inside of its compressed variables, too."""
    if len(data) < 136 or data[128:132] != b'\x0f\0\0\0' or rng.random() < 0.2:
        return numbers(data, rng, flip)
    try:
        content = zlib.decompressobj().decompress(data[136:], 2**20)
    except zlib.error:
        return numbers(data, rng, flip)
    packed = zlib.compress(numbers(content, rng, flip))
    return data[:128] + struct.pack('<II', 15, len(packed)) + packed
