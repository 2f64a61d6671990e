"""Files that are written whole or not at all, and reading errors that name the file."""
from __future__ import annotations

import errno
import gc
import gzip
import json
import math
import os
import re
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from hourglass.errors import DataError, words_of

MOST_UNPACKED = 2**30                   # bytes; thirty times the largest annotation file known


@contextmanager
def named_errors(path: str | Path, failure: str, advice: str = 'fetch it again',
                 missing: str = 'no such file') -> Iterator[None]:
    """Raise any error of reading a file as a ``DataError`` of one line.

    It is ``PATH: FAILURE (REASON); ADVICE``, or ``PATH: MISSING`` if the file does not exist. A
    ``DataError`` keeps its own reason and advice, and the path if it begins with it.
    """
    try:
        yield
    except DataError as error:
        line, = error.args
        raise DataError(line if line.startswith(str(path)) else f'{path}: {line}') from None
    except Exception as error:      # h5py, Pillow and scipy raise a dozen types for broken files
        if isinstance(error, FileNotFoundError) and not Path(path).exists():
            raise DataError(f'{path}: {missing}') from None
        reason = words_of(error) or type(error).__name__
        raise DataError(f'{path}: {failure} ({reason}); {advice}') from None


@contextmanager
def open_json(path: str | Path, advice: str = 'fetch it again') -> Iterator[TextIO]:
    """Open a JSON file, compressed (``.gz``) or not, as text; errors in the block name it."""
    path = Path(path).expanduser()
    with named_errors(path, 'not a JSON file', advice), (
            gzip.open if path.suffix == '.gz' else open)(path, 'rt', encoding='utf-8-sig') as file:
        yield file


def read_json(path: str | Path, advice: str = 'fetch it again', ignored: str | None = None) -> Any:
    """Read a JSON file as :func:`open_json` does, at most :data:`MOST_UNPACKED` characters.

    The key ``ignored`` is dropped from every object as it is read, so that it takes no memory.
    """
    def reduced(record: dict) -> dict:
        record.pop(ignored, None)
        return record

    with open_json(path, advice) as file:
        text = file.read(MOST_UNPACKED + 1)
        if len(text) > MOST_UNPACKED:
            raise ValueError(f'it unpacks to more than {MOST_UNPACKED >> 20} MiB')
        return json.loads(text, object_hook=reduced if ignored else None)


@contextmanager
def without_collection() -> Iterator[None]:
    """Let Python look for no cycles of objects, a quarter of the time to read many records."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def without_nan(value: Any) -> Any:
    """Return numbers, in lists and dicts of any depth, with None for NaN and infinity.

    JSON has neither.
    """
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def with_environment(text: str) -> str:
    """Replace ``{{$NAME:default}}`` by an environment variable, as in mmengine's old style."""
    return re.sub(r'{{\s*\$(\w+)\s*:\s*(\S*?)\s*}}',
                  lambda found: os.environ.get(found[1], found[2]), text)


def match_names(known: Collection[str]) -> Callable[[str], str | None]:
    """Return a function that finds the one of the ``known`` names of files that is meant by a name.

    It is the name itself, or else the only one that ends with as many of the same folders as any.
    """
    count = Counter(ending for name in known for ending in _endings(name))
    by_ending = {ending: name for name in known for ending in _endings(name) if count[ending] == 1}
    by_ending |= {name: name for name in known}
    return lambda name: next(filter(None, map(by_ending.get, _endings(name))), None)


def _endings(name: str) -> list[str]:
    """Return ``a/b/c``, ``b/c`` and ``c`` for ``a/b/c``."""
    parts = name.split('/')
    return ['/'.join(parts[place:]) for place in range(len(parts))]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a draft's path to write to, and replace ``path`` by the draft once that succeeds.

    The content reaches the disk before the name, so even a power cut leaves no half file. Raises
    ``DataError`` if the file cannot be written.
    """
    draft = path.with_name(f'{path.name}.{secrets.token_hex(4)}.part')  # others may write it too
    try:
        make_folder(path.parent)
        yield draft
        flush(draft)
        os.replace(draft, path)
        flush(path.parent)
    except OSError as error:
        ours = map(os.path.abspath, (draft, path, *path.parents))
        if isinstance(error, FileNotFoundError) and error.filename is not None and (
                os.path.abspath(error.filename) not in ours):
            raise                                       # of a file that the block reads
        raise not_written(path, error) from None
    finally:
        with suppress(OSError):
            draft.unlink()


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep other processes from claiming a folder until the block ends, or this process dies.

    Raises ``DataError`` if another one has it. Where files cannot be locked, nothing is claimed.
    """
    make_folder(folder)
    with Path(folder, '.lock').open('a+') as file:
        try:
            import fcntl  # not on Windows
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)    # a forked data worker has no part
            file.truncate(0)
            print(f'process {os.getpid()} of {socket.gethostname()}', file=file, flush=True)
        except (ImportError, OSError) as error:
            if isinstance(error, (BlockingIOError, PermissionError)):
                file.seek(0)
                raise DataError(f"{folder}: in use by {file.read().strip() or 'another process'}; "
                                'wait for it, or choose another folder') from None
        yield


def write_json(path: Path, content: Any, indent: int | None = None) -> None:
    """Write a JSON file whole, as :func:`replacing` does; NaN and infinity become null."""
    try:
        text = json.dumps(content, indent=indent, allow_nan=False)
    except ValueError:                      # NaN is rare, and a copy of a large content is not free
        text = json.dumps(without_nan(content), indent=indent, allow_nan=False)
    with replacing(path) as draft:
        draft.write_text(text, encoding='utf-8')


def check_outputs(outputs: Iterable[str | Path | None], inputs: Iterable[str | Path | None]
                  ) -> None:
    """Raise ``DataError`` if a file that is to be written is one that is read, or twice the same.

    None is no file.
    """
    read = {Path(path).expanduser().resolve() for path in inputs if path}
    written = set()
    for path in (output for output in outputs if output):
        place = Path(path).resolve()
        if place in read:
            raise DataError(f'{path}: would replace a file that is read; name another')
        if place in written:
            raise DataError(f'{path}: two outputs would be this file; name another for one')
        written.add(place)


def check_writable(path: Path) -> None:
    """Make the folder of a file that is to be written; ``DataError`` if it cannot be written to."""
    try:
        make_folder(path.parent)
        if not os.access(path.parent, os.W_OK) or path.is_dir():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise not_written(path, error) from None


def not_written(path: str | os.PathLike[str], error: OSError) -> DataError:
    """Return the error for a file that cannot be written."""
    return DataError(f'{path}: cannot be written ({error.strerror or error}); choose a folder you '
                     'may write to, with free space')


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, if they are missing; their names reach the disk."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        flush(folder.parent)


def flush(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk.

    Windows flushes only what is open for writing, and opens no folder.
    """
    if os.name == 'nt' and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if os.name == 'nt' else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
