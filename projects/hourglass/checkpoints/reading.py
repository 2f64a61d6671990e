"""Checkpoint files, read without unpickling anything but tensors and plain containers."""
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch
from torch import Tensor

from hourglass.compat import allow_mmengine_checkpoints
from hourglass.errors import CheckpointError

_SPARE = 2**26                          # bytes that a checkpoint may unpack to, however small it is
_whole: set[tuple[Path, int, int]] = set()      # files with their size and time that were checked


def read_checkpoint(path: str | Path, map_location: str | torch.device | None = 'cpu'
                    ) -> dict[str, Any]:
    """Read a checkpoint file, unpickling nothing but tensors and plain containers.

    A ``.safetensors`` file gives its tensors as ``state_dict`` and its metadata as ``meta``, which
    is where mmengine and its hooks (``EMAHook`` among them) expect them.

    Args:
        path: ``.pth`` and the like, or ``.safetensors``.
        map_location: as for ``torch.load``; tensors of a ``.safetensors`` are on the CPU.

    Raises:
        CheckpointError: if there is no such file, or it cannot be read that way.
    """
    path = Path(path).expanduser()
    check_whole(path)
    with one_line_of(path):
        if path.suffix == '.safetensors':
            return _read_safetensors(path)
        if find_spec('mmengine') is not None:       # its own checkpoints hold a log, too
            allow_mmengine_checkpoints()
        return torch.load(path, map_location=map_location, weights_only=True)


def check_whole(path: str | Path) -> None:
    """Check that a checkpoint file is there, and its records by their checksums.

    torch stores tensors unpacked, and compares no checksum as it reads them back. Other forms than
    torch's zip files have none. A file that was found whole is not read again for this, unless its
    size or time has changed.

    Raises:
        CheckpointError: if the file is missing or damaged, or unpacks to far more than its size.
    """
    path = Path(path).expanduser()
    with one_line_of(path):
        stat = path.stat()
        known = path.resolve(), stat.st_size, stat.st_mtime_ns
        if known in _whole:
            return
        if is_zipfile(path):
            with ZipFile(path) as file:
                unpacked = sum(part.file_size for part in file.infolist())
                if unpacked > 2 * stat.st_size + _SPARE:
                    raise ValueError(f'unpacks to {unpacked >> 20} MiB')
                damaged = file.testzip()
                if damaged:
                    raise ValueError(f'{damaged} in it is damaged')
        _whole.add(known)


@contextmanager
def one_line_of(path: str | Path) -> Iterator[None]:
    """Raise errors of reading the checkpoint ``path`` as a ``CheckpointError`` of one line."""
    try:
        yield
    except FileNotFoundError:
        raise CheckpointError(f'{path}: no such checkpoint') from None
    except Exception as error:      # torch and safetensors raise a dozen types for a broken file
        words = str(error).split('WeightsUnpickler error:')[-1].split()     # behind torch's advice
        raise CheckpointError(f"{path}: not a readable checkpoint "
                              f"({type(error).__name__}: {' '.join(words)[:200]})"
                              ) from None


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import safe_open
    with safe_open(path, 'pt') as file:
        names = list(file.keys())
        return dict(state_dict={name: file.get_tensor(name) for name in names},
                    meta=file.metadata() or {})


def state_dict(content: dict[str, Any], path: str | Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, without what the projects wrap around them.

    Raises:
        CheckpointError: if there are none, or one claims more numbers than the file has for it.
    """
    for key in ('state_dict', 'model_state_dict', 'model'):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(
            isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        raise CheckpointError(f'{path}: holds no state dict of tensors')
    hollow = [name for name, value in content.items() if value.layout is not torch.strided or
              value.is_meta or value.nbytes > value.untyped_storage().nbytes()]
    if hollow:
        raise CheckpointError(f'{path}: {hollow[0]} {tuple(content[hollow[0]].shape)} is not '
                              'stored in full')
    return content
