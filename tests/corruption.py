"""Damaged copies of files, reproducible by a seed, and the outcomes of reading them.

They are read in a separate process, which may crash, hang or run out of memory.
"""
import faulthandler
import hashlib
import multiprocessing
import pickle
import resource
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from children import fork
from pairs import zip_equal

from hourglass.errors import HourglassError

SECONDS = 20                            # for one file; two loaded cores take milliseconds
SPARE_BYTES = 2**30                     # of address space, above what the process has
DAMAGES = ('cut', 'bit', 'bits', 'hole', 'header', 'empty', 'replaced')
# outcomes of reading; any other is the name of an exception that is not this package's
REFUSED, SAME, OTHER, CRASHED, HUNG = 'refused', 'same', 'other numbers', 'crashed', 'hung'

Reader = Callable[[Path], object]


def damaged(intact: bytes, damage: str, rng: np.random.Generator, strangers: Sequence[bytes]
            ) -> bytes:
    """Return a damaged copy of a file.

    Args:
        damage: ``'cut'`` anywhere, one ``'bit'`` or 2 to 40 ``'bits'`` flipped, a ``'hole'`` of
            zeros, bits of the first 64 bytes (``'header'``), ``'empty'``, or ``'replaced'``.
        strangers: files of other kinds, one of which replaces it.
    """
    if damage == 'cut':
        return intact[:rng.integers(1, len(intact))]
    if damage == 'empty':
        return b''
    if damage == 'replaced':
        return strangers[rng.integers(len(strangers))]
    copy = np.frombuffer(intact, np.uint8).copy()
    if damage == 'hole':
        start = rng.integers(len(copy))
        copy[start:start + rng.integers(1, 1 + len(copy) // 4)] = 0
        return copy.tobytes()
    few, many = {'bit': (1, 1), 'bits': (2, 40), 'header': (1, 4)}[damage]
    count = rng.integers(few, many + 1)
    places = rng.integers(min(len(copy), 64) if damage == 'header' else len(copy), size=count)
    copy[places] ^= (1 << rng.integers(8, size=count)).astype(np.uint8)
    return copy.tobytes()


def outcomes(folder: Path, name: str, intact: bytes, read: Reader, strangers: Sequence[bytes],
             count: int, seed: int = 0) -> Counter:
    """Read ``count`` damaged copies and count the outcomes: (damage, outcome) -> number.

    The copies are written to ``folder`` under ``name``; a refusal must be one line with this name.
    """
    (folder / name).write_bytes(intact)
    cases = []
    for number in range(count):
        damage = DAMAGES[number % len(DAMAGES)]
        rng = np.random.default_rng((seed, number))
        cases.append((damage, damaged(intact, damage, rng, strangers)))
    truth = _digest(read(folder / name))
    ends = list(_ends(folder / name, [content for _, content in cases], read, truth))
    return Counter((damage, end if content != intact else SAME)
                   for (damage, content), end in zip_equal(cases, ends))


def _digest(value: object) -> str:
    return hashlib.sha256(pickle.dumps(value)).hexdigest()


def _ends(path: Path, contents: Sequence[bytes], read: Reader, truth: str) -> Iterator[str]:
    done = 0
    while done < len(contents):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        process = fork(_read_all, path, contents[done:], read, truth, theirs)
        theirs.close()
        try:
            while done < len(contents):
                if not ours.poll(SECONDS):
                    process.kill()
                    yield HUNG
                    done += 1
                    break
                yield ours.recv()
                done += 1
        except EOFError:                        # the process crashed
            yield CRASHED
            done += 1
        process.join()


def _read_all(path: Path, contents: Sequence[bytes], read: Reader, truth: str, results) -> None:
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    faulthandler.disable()                  # a crash is expected, and reported in a word
    resource.setrlimit(resource.RLIMIT_AS, 2 * (pages * resource.getpagesize() + SPARE_BYTES,))
    for content in contents:
        path.write_bytes(content)
        results.send(_end(path, read, truth))


def _end(path: Path, read: Reader, truth: str) -> str:
    try:
        value = read(path)
    except HourglassError as error:
        named = path.name in str(error) and '\n' not in str(error)
        return REFUSED if named else f'badly refused: {error}'
    except BaseException as error:
        kind = MemoryError if isinstance(error, MemoryError) else type(error)    # numpy has its own
        return f'{kind.__name__}: {error}'[:200]
    return SAME if _digest(value) == truth else OTHER


def table(found: dict[str, Counter]) -> str:
    """Return a table with a row for each file and a column for each outcome."""
    ends = [REFUSED, SAME, OTHER]
    lines = [f"{'file':<24}{'damaged':>9}" + ''.join(f'{end:>15}' for end in ends)]
    for name, counts in found.items():
        row = [sum(n for (_, end), n in counts.items() if end == wanted) for wanted in ends]
        lines.append(f'{name:<24}{counts.total():>9}' + ''.join(f'{n:>15}' for n in row))
    return '\n'.join(lines)
