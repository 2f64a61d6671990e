"""The checkpoint from which an interrupted run resumes."""
from contextlib import suppress
from pathlib import Path
from zipfile import is_zipfile

from hourglass.checkpoints.reading import check_whole
from hourglass.errors import CheckpointError


def last_whole_checkpoint(work_dir: str | Path) -> tuple[Path | None, str | None]:
    """Return the newest undamaged checkpoint of a work folder, and a warning, each if there is one.

    The file ``last_checkpoint`` names the last one. If that one is damaged or missing, the others
    are tried, the newest first, except ``best_*.pth``, which hold no optimiser state, and the
    warning says so in one line. A folder without checkpoints gives ``None``. Raises
    ``CheckpointError`` if there are checkpoints, but all are damaged.
    """
    note = Path(work_dir, 'last_checkpoint')
    named = note.read_text().strip() if note.is_file() else ''
    last = Path(named) if named else None
    if last and not last.is_file() and Path(work_dir, last.name).is_file():
        last = Path(work_dir, last.name)                    # the work folder was moved
    folder = last.parent if last and last.parent.is_dir() else Path(work_dir)
    others = sorted((path for path in folder.glob('*.pth')
                     if path != last and not path.name.startswith('best_')),
                    key=lambda path: path.stat().st_mtime_ns, reverse=True)
    candidates = [last, *others] if last else others
    found = next(filter(_is_whole, candidates), None)
    if not candidates or (last and found == last):
        return found, None
    state = 'damaged' if last and last.is_file() else 'missing'
    warning = f'{last}: {state}' if last else f'{note}: names no checkpoint'
    if found:
        return found, f'{warning}; resuming from {found}'
    damaged = ', '.join(path.name for path in others) or 'there is none'
    raise CheckpointError(f'{warning}, and no other checkpoint in {folder} is whole ({damaged}); '
                          'start anew without --resume')


def _is_whole(path: Path) -> bool:
    """Return whether a file is a zip file, as torch writes them, and its checksums match."""
    with suppress(CheckpointError):
        check_whole(path)
        return is_zipfile(path)
    return False
