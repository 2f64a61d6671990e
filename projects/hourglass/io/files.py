"""Files that are written whole or not at all, and reading errors that name the file."""
from __future__ import annotations

import gzip
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from hourglass.errors import DataError

MOST_UNPACKED = 2**30                   # bytes; thirty times the largest annotation file known


@contextmanager
def named_errors(path: str | Path, failure: str, advice: str = 'fetch it again',
                 missing: str = 'no such file') -> Iterator[None]:
    """Raise any error of reading a file as a ``DataError`` of one line.

    It is ``PATH: FAILURE (REASON); ADVICE``, or ``PATH: MISSING`` if the file does not exist. A
    ``DataError`` keeps its own reason and advice.
    """
    try:
        yield
    except FileNotFoundError:
        raise DataError(f'{path}: {missing}') from None
    except DataError as error:
        raise DataError(f'{path}: {error}') from None
    except Exception as error:      # h5py, Pillow and scipy raise a dozen types for broken files
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise DataError(f'{path}: {failure} ({reason}); {advice}') from None


@contextmanager
def open_json(path: str | Path, advice: str = 'fetch it again') -> Iterator[TextIO]:
    """Open a JSON file, compressed (``.gz``) or not, as text; errors in the block name it."""
    path = Path(path).expanduser()
    with named_errors(path, 'not a JSON file', advice), (
            gzip.open if path.suffix == '.gz' else open)(path, 'rt', encoding='utf-8') as file:
        yield file


def read_json(path: str | Path, advice: str = 'fetch it again') -> Any:
    """Read a JSON file as :func:`open_json` does, at most :data:`MOST_UNPACKED` characters."""
    with open_json(path, advice) as file:
        text = file.read(MOST_UNPACKED + 1)
        if len(text) > MOST_UNPACKED:
            raise ValueError(f'it unpacks to more than {MOST_UNPACKED >> 20} MiB')
        return json.loads(text)


def without_nan(value: Any) -> Any:
    """Return numbers, in tuples and dicts of any depth, with None for NaN, which JSON lacks."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [without_nan(item) for item in value]
    return None if value != value else value


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a draft's path to write to, and replace ``path`` by the draft once that succeeds.

    The content reaches the disk before the name, so even a power cut leaves no half file. Raises
    ``DataError`` if the file cannot be written.
    """
    draft = path.with_name(f'{path.name}.{secrets.token_hex(4)}.part')  # others may write it too
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _flush(draft)
        os.replace(draft, path)
        _flush(path.parent)
    except OSError as error:
        raise not_written(path, error) from None
    finally:
        with suppress(OSError):
            draft.unlink()


def write_json(path: Path, content: Any, indent: int | None = None) -> None:
    """Write a JSON file whole, as :func:`replacing` does."""
    with replacing(path) as draft:
        draft.write_text(json.dumps(content, indent=indent), encoding='utf-8')


def not_written(path: Path, error: OSError) -> DataError:
    """Return the error for a file that cannot be written."""
    return DataError(f'{path}: cannot be written ({error.strerror or error}); choose a folder you '
                     'may write to, with free space')


def _flush(path: Path) -> None:
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
