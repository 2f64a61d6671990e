"""What several processes, or several calls, have done of one piece of work."""
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.errors import DataError


class Journal:
    """Entries by name, one line each, in a file for each process: ``FOLDER/WORK/RANK-RANKS.jsonl``.

    A process writes its own file and reads all of them, so that none has to hear from another, and
    what one wrote before it was killed counts. A line that was cut does not.

    Args:
        folder: for the work of any number of runs.
        work: which work, a word of :func:`fingerprint`; entries of another do not count.
        rank, ranks: which process this is, of how many.
    """

    def __init__(self, folder: str | Path, work: str, rank: int, ranks: int):
        self.folder, self.rank, self.ranks = Path(folder, work), rank, ranks
        self.path = self.folder / f'{rank}-{ranks}.jsonl'

    def read(self) -> dict[str, dict]:
        """All processes' entries; arrays keep their type and every digit."""
        entries = {}
        for path in sorted(self.folder.glob('*.jsonl')):
            for line in path.read_bytes().split(b'\n'):
                try:
                    name, entry = json.loads(line, object_hook=_with_arrays)
                except (ValueError, TypeError):     # empty, or its process was killed meanwhile
                    continue
                entries[name] = entry
        return entries

    def add(self, name: str, entry: dict) -> None:
        """Leave an entry, where the process's end does not reach it.

        Raises:
            DataError: if it cannot be written.
        """
        line = json.dumps([name, entry], default=_as_json).encode()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.path.open('ab') as file:
                file.write(b'\n' + line)        # the line before may be cut
        except OSError as error:
            raise DataError(f'{self.path}: cannot be written ({error.strerror or error}); choose a '
                            'folder you may write to, with free space') from None


def fingerprint(parts: Iterable[str | Path]) -> str:
    """One word for texts and the contents of files: another as soon as one of them changes."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]


def _as_json(value: ndarray | np.generic) -> dict:
    return dict(array=np.asarray(value).tolist(), dtype=np.asarray(value).dtype.str)


def _with_arrays(value: dict) -> dict | ndarray:
    return np.array(value['array'], value['dtype']) if set(value) == {'array', 'dtype'} else value
