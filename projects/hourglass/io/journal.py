"""Results of one piece of work that several processes, or several calls, share."""
from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.io.files import flush, make_folder, not_written


class Journal:
    """Entries by name, one per line, in one file per process: ``FOLDER/WORK/RANK-RANKS.jsonl``.

    Each process writes its own file and reads all of them, so the processes need not communicate,
    and entries written before a process was killed count. ``work`` is a :func:`fingerprint`;
    ``rank`` is the number of this process, from 0, of ``ranks``.
    """

    def __init__(self, folder: str | Path, work: str, rank: int, ranks: int):
        self.folder, self.rank, self.ranks = Path(folder, work), rank, ranks
        self.path = self.folder / f'{rank}-{ranks}.jsonl'
        self.flushed = -math.inf

    def read(self) -> dict[str, dict]:
        """Return the entries of all processes; arrays keep their type and every digit."""
        return dict(self.lines())

    def lines(self) -> Iterator[tuple[str, dict]]:
        """Yield the names and entries of all lines.

        Of two lines with the same name in the files of different processes, as of calls with
        different numbers of processes, either may be the first.
        """
        for path in sorted(self.folder.glob('*.jsonl')):
            for line in path.read_bytes().split(b'\n'):
                try:
                    name, entry = json.loads(line, object_hook=_with_arrays)
                except (ValueError, TypeError):     # empty, or cut off as its process was killed
                    continue
                yield name, entry

    def add(self, name: str, entry: dict) -> None:
        """Write an entry, which outlives this process, or raise ``DataError``.

        Once a second the entries reach the disk: a power cut costs those of the last second.
        """
        line = json.dumps([name, entry], default=lambda array: dict(
            array=array.tolist(), dtype=array.dtype.str)).encode()
        try:
            make_folder(self.folder)
            with self.path.open('ab') as file:
                file.write(b'\n' + line)        # the line before may be cut off
            if time.monotonic() - self.flushed > 1:
                flush(self.path)
                flush(self.folder)
                self.flushed = time.monotonic()
        except OSError as error:
            raise not_written(self.path, error) from None


def fingerprint(parts: Iterable[str | Path]) -> str:
    """Return a word that changes with any of the texts and the contents of files."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def _with_arrays(value: dict[str, Any]) -> dict[str, Any] | ndarray:
    return np.array(value['array'], value['dtype']) if set(value) == {'array', 'dtype'} else value
