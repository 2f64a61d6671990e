"""Measure which ways to read an image find that the file is damaged, and which refuse good files.

    HOURGLASS_DATA=... python tests/measure_corruption.py

damages real photographs, as JPEG (as they are, progressive, with restart markers) and PNG, and
prints the tables of docs/trust.md.
"""
from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from conftest import DATA
from corruption import damaged
from numpy import ndarray
from PIL import Image

from hourglass.io.images import read_image
from hourglass.io.tables import markdown_table

FOLDERS = ('lsp', 'lspet', 'flic', 'mpii_subset')
DAMAGES = ('cut', 'hole', 'bit', 'bits', 'header', 'inserted', 'segment', 'restart')
DRAFT = Path(tempfile.mkdtemp(dir='/dev/shm'), 'image')


def this_package(data: bytes) -> ndarray:
    DRAFT.write_bytes(data)
    return read_image(DRAFT)


def pillow(data: bytes) -> ndarray:
    Image.open(io.BytesIO(data)).verify()
    return np.asarray(Image.open(io.BytesIO(data)).convert('RGB'))[..., ::-1]


def opencv(data: bytes) -> ndarray:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError('None')
    return pixels


WAYS: dict[str, Callable[[bytes], ndarray]] = {
    'this package': this_package, 'Pillow': pillow, 'OpenCV': opencv}


def segments(data: bytes) -> list[tuple[int, int]]:
    """Return where the parts of an intact file begin and end: segments of a JPEG, PNG's chunks."""
    at, found = 2, []
    if data.startswith(b'\x89PNG'):
        at = 8
        while at < len(data):
            end = at + 12 + int.from_bytes(data[at:at + 4], 'big')
            found.append((at, end))
            at = end
        return found
    while data[at + 1] != 0xda:
        end = at + 2 + int.from_bytes(data[at + 2:at + 4], 'big')
        found.append((at, end))
        at = end
    return found


def damage(data: bytes, how: str, rng: np.random.Generator) -> bytes | None:
    """Return a damaged copy; None if a file has no part that could be damaged so."""
    if how in ('cut', 'hole', 'bit', 'bits', 'header'):
        return damaged(data, how, rng, ())
    if how == 'inserted':
        at, count = rng.integers(2, len(data)), rng.integers(1, 64)
        return data[:at] + rng.bytes(count) + data[at:]
    if how == 'segment':                                # is lost
        start, end = rng.permutation(segments(data))[0]
        return data[:start] + data[end:]
    marks = [at for at in range(len(data) - 1) if data[at] == 255 and 0xd0 <= data[at + 1] < 0xd8]
    if data.startswith(b'\x89PNG') or len(marks) < 3:
        return None
    first, last = sorted(rng.choice(marks, 2, replace=False))
    return data[:first] + data[last:]                   # what lies between restart markers is lost


def kinds(photograph: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a photograph in every format."""
    yield 'JPEG, as it is', photograph
    image = Image.open(io.BytesIO(photograph)).convert('RGB')
    for kind, name, options in (
            ('JPEG, progressive', 'JPEG', dict(progressive=True, quality=90)),
            ('JPEG, restart markers', 'JPEG', dict(restart_marker_rows=1, quality=90)),
            ('PNG', 'PNG', {})):
        content = io.BytesIO()
        image.save(content, name, **options)
        yield kind, content.getvalue()


def end(read: Callable[[bytes], ndarray], data: bytes, truth: ndarray) -> str:
    try:
        pixels = read(data)
    except Exception:                                   # of many types
        return 'refused'
    return 'same' if pixels.shape == truth.shape and np.abs(
        pixels.astype(np.int16) - truth).max() <= 2 else 'other'


def measure(photographs: list[Path]) -> Counter:
    """Count (kind, damage, way, end)."""
    found: Counter = Counter()
    for number, path in enumerate(photographs):
        for kind, data in kinds(path.read_bytes()):
            truth = opencv(data)
            for place, how in enumerate(DAMAGES):
                copy = damage(data, how, np.random.default_rng((number, place)))
                for way, read in WAYS.items():
                    if copy is not None:
                        found[kind, how, way, end(read, copy, truth)] += 1
    return found


def share(found: Counter, way: str, ending: str, **where: str) -> str:
    """Return the share of damaged files with this ending, in percent."""
    counts: Counter = Counter()
    for (kind, how, one, last), count in found.items():
        if one == way and kind.startswith(where['kind']) and where.get('how', how) == how:
            counts[last] += count
    return f'{100 * counts[ending] / counts.total():.1f}'


def print_tables(found: Counter) -> None:
    print(markdown_table([
        [kind, way, *(share(found, way, last, kind=kind) for last in ('refused', 'same', 'other'))]
        for kind in ('JPEG', 'PNG') for way in WAYS],
        ['file', 'read by', 'refused', 'read with its pixels', 'read with others'], '<<>'))
    print()
    print(markdown_table([[how, *(share(found, way, 'other', kind='JPEG', how=how)
                                  for way in WAYS)] for how in DAMAGES], ['damage', *WAYS]))


def print_good(paths: list[Path]) -> None:
    rows = []
    for way, read in WAYS.items():
        refused, seconds = 0, 0.0
        for path in paths:
            data = path.read_bytes()
            start = time.process_time()
            try:
                read(data)
            except Exception:
                refused += 1
            seconds += time.process_time() - start
        rows.append([way, str(refused), f'{1000 * seconds / len(paths):.2f}'])
    print(markdown_table(rows, ['read by', f'refused of {len(paths):,} good files', 'ms a file'],
                         '<>'))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--photographs', type=int, default=40, help='of each data set to damage')
    parser.add_argument('--good', type=int, default=20_000, help='files of each data set at most')
    given = parser.parse_args()
    files = [sorted((DATA / folder / 'images').glob('*.jpg')) for folder in FOLDERS]
    print_tables(measure([path for some in files
                          for path in some[::len(some) // given.photographs][:given.photographs]]))
    print()
    print_good([path for some in files for path in some[:given.good]])


if __name__ == '__main__':
    main()
