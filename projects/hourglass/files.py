"""Files that are either whole or not there."""
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hourglass.errors import DataError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; it takes the place of ``path`` once that succeeds.

    The content is on the disk before the name is, so that not even a power cut leaves half a file.

    Raises:
        DataError: if the file cannot be written.
    """
    draft = path.with_name(f'{path.name}.part')
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
