"""Files that are either whole or not there."""
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hourglass.errors import DataError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; it takes the place of ``path`` once that succeeds.

    Raises:
        DataError: if the file cannot be written.
    """
    draft = path.with_name(f'{path.name}.{secrets.token_hex(4)}.part')      # others may write, too
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        os.replace(draft, path)
    except OSError as error:
        raise DataError(f'{path}: cannot be written ({error.strerror or error}); choose a folder '
                        'you may write to, with free space') from None
    finally:
        with suppress(OSError):
            draft.unlink()
