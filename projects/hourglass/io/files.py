"""Files that are either whole or not there, and JSON files with errors that name them."""
import gzip
import json
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from hourglass.errors import DataError

MOST_UNPACKED = 2**30                   # bytes; thirty times the largest annotation file known


@contextmanager
def open_json(path: str | Path, advice: str = 'fetch it again') -> Iterator[TextIO]:
    """A JSON file, packed (``.gz``) or not; what goes wrong in reading it is named.

    Args:
        advice: what to do about a file that is not readable.

    Raises:
        DataError: if it is missing or not readable as JSON.
    """
    path = Path(path).expanduser()
    try:
        with (gzip.open if path.suffix == '.gz' else open)(path, 'rt', encoding='utf-8') as file:
            yield file
    except FileNotFoundError:
        raise DataError(f'{path}: no such file') from None
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise DataError(f'{path}: not a JSON file ({error}); {advice}') from None


def read_json(path: str | Path, advice: str = 'fetch it again') -> Any:
    """What such a file holds.

    Raises:
        DataError: as above, or if it unpacks to more than :data:`MOST_UNPACKED` characters.
    """
    with open_json(path, advice) as file:
        text = file.read(MOST_UNPACKED + 1)
        if len(text) > MOST_UNPACKED:
            raise DataError(f'{path}: unpacks to more than {MOST_UNPACKED >> 20} MiB; {advice}')
        return json.loads(text)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; it takes the place of ``path`` once that succeeds.

    The content is on the disk before the name is, so that not even a power cut leaves half a file.

    Raises:
        DataError: if the file cannot be written.
    """
    draft = path.with_name(f'{path.name}.{secrets.token_hex(4)}.part')      # others may write, too
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _flush(draft)
        os.replace(draft, path)
        _flush(path.parent)
    except OSError as error:
        raise DataError(f'{path}: cannot be written ({error.strerror or error}); choose a folder '
                        'you may write to, with free space') from None
    finally:
        with suppress(OSError):
            draft.unlink()


def _flush(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
