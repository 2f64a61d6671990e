"""The checkpoint that an interrupted run goes on from."""
from pathlib import Path
from zipfile import is_zipfile

from hourglass.checkpoints.reading import check_whole
from hourglass.errors import CheckpointError


def last_whole_checkpoint(work_dir: str | Path) -> tuple[Path | None, str | None]:
    """The newest whole checkpoint of a work folder, and a warning where it is not the last one.

    ``last_checkpoint`` says which is the last. Should that one be torn or missing, the others are
    tried, the newest first; ``best_*.pth`` are not, as they hold no optimiser.

    Returns:
        The path, ``None`` where there is no checkpoint at all; and a line for the user, or
        ``None``.

    Raises:
        CheckpointError: if there are checkpoints, but none is whole.
    """
    note = Path(work_dir, 'last_checkpoint')
    named = note.read_text().strip() if note.is_file() else ''
    last = Path(named) if named else None
    if last and not last.is_file() and Path(work_dir, last.name).is_file():
        last = Path(work_dir, last.name)                    # the work folder was moved
    if last and _is_whole(last):
        return last, None
    folder = last.parent if last and last.parent.is_dir() else Path(work_dir)
    others = sorted((path for path in folder.glob('*.pth')
                     if path != last and not path.name.startswith('best_')),
                    key=lambda path: path.stat().st_mtime_ns, reverse=True)
    found = next(filter(_is_whole, others), None)
    state = _state(last) if last else f'{note}: names no checkpoint'
    if found:
        return found, f'{state}; going on from {found}'
    if last or others:
        torn = ', '.join(path.name for path in others)
        raise CheckpointError(f"{state}, and no other checkpoint in {folder} is whole "
                              f"({torn or 'there is none'}); start anew without --resume")
    return None, None


def _state(path: Path) -> str:
    return f"{path}: {'torn' if path.is_file() else 'missing'}"


def _is_whole(path: Path) -> bool:
    """Whether it is a zip file, as torch writes them, whose records have their checksums."""
    try:
        check_whole(path)
    except CheckpointError:
        return False
    return is_zipfile(path)
