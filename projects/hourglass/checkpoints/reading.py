"""Checkpoint files, read without unpickling anything but tensors and plain containers."""
from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch
from torch import Tensor

from hourglass.checkpoints import unpickling
from hourglass.compat import allow_mmengine_checkpoints
from hourglass.errors import CheckpointError

_SPARE = 2**26                          # bytes that a checkpoint may unpack to beyond its size
_CONTAINERS = ('state_dict', 'model_state_dict', 'model_state', 'model', 'network', 'net',
               'weights')               # names under which projects store a state dict
_SCALE = '.scale'                       # ends the name of an 8-bit weight's scale
_whole: set[tuple[int, ...]] = set()    # identity, size and time of files already checked


def read_checkpoint(path: str | Path, map_location: str | torch.device | None = 'cpu'
                    ) -> dict[str, Any]:
    """Read a checkpoint file, unpickling nothing but tensors and plain containers.

    An ``argparse.Namespace``, the options of another project's program, counts as a container. A
    ``.safetensors`` file gives its tensors, on the CPU, as ``state_dict`` and its metadata as
    ``meta``, where mmengine and its hooks (such as ``EMAHook``) expect them. ``map_location`` is
    that of ``torch.load``. Raises ``CheckpointError`` if the file is missing or not readable.
    """
    path = Path(path).expanduser()
    check_whole(path)
    with one_line_of(path):
        if path.suffix == '.safetensors':
            tensors, texts = stored_tensors(path)
            return dict(state_dict=from_int8(tensors), meta=texts)
        if torch.__version__ < '2.6':
            _refuse_torchscript(path)
            content = torch.load(path, map_location=map_location, pickle_module=unpickling,
                                 weights_only=False)
        else:
            if find_spec('mmengine') is not None:       # its checkpoints hold a log, too
                allow_mmengine_checkpoints()
            with torch.serialization.safe_globals([Namespace]):
                content = torch.load(path, map_location=map_location, weights_only=True)
    meta = content.get('meta') if isinstance(content, dict) else None
    if isinstance(meta, dict) and isinstance(meta.get('dataset_meta'), dict):
        meta['dataset_meta'] = {                        # mmpose's have arrays
            name: value.cpu().numpy() if isinstance(value, Tensor) else value
            for name, value in meta['dataset_meta'].items()}
    return content


def stored_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a ``.safetensors`` file as they are stored, and its metadata."""
    from safetensors import safe_open
    with safe_open(path, 'pt') as file:
        return {name: file.get_tensor(name) for name in list(file.keys())}, file.metadata() or {}


def _refuse_torchscript(path: Path) -> None:
    """Raise for a program of TorchScript, which ``torch.load`` would load as one."""
    with path.open('rb') as file:
        zipped = file.read(4) == b'PK\3\4'
    if zipped and 'constants.pkl' in torch._C.PyTorchFileReader(str(path)).get_all_records():
        raise ValueError('it is a program of TorchScript')


def to_int8(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Round the weights of convolutions to 8 bits, with a float16 scale for each output channel.

    The scale of ``NAME`` is stored as ``NAME.scale``, (out, 1, 1, 1); other numbers become float16.
    """
    stored = {name: value.half() if value.is_floating_point() else value
              for name, value in tensors.items()}
    for name, weight in tensors.items():
        if weight.ndim == 4:
            scale = (weight.abs().amax((1, 2, 3), keepdim=True) / 127).clamp(min=1e-7).half()
            stored[name] = (weight / scale.float()).round().clamp(-127, 127).to(torch.int8)
            stored[f'{name}{_SCALE}'] = scale
    return stored


def from_int8(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that :func:`to_int8` stored; others are left as they are."""
    scales = {name: f'{name}{_SCALE}' for name, value in stored.items()
              if value.dtype == torch.int8 and f'{name}{_SCALE}' in stored}
    return {name: value.float() * stored[scales[name]] if name in scales else value
            for name, value in stored.items() if name not in scales.values()}


def check_whole(path: str | Path) -> None:
    """Check that a checkpoint exists and that its records match their checksums.

    torch verifies no checksum when it reads its zip files; other formats have none. A file that was
    found whole is not read again for this, unless its size or time has changed. Raises
    ``CheckpointError`` if the file is missing or damaged, unpacks to far more than its size, or
    holds a ``bytearray``, which torch makes of any size that a few bytes ask for.
    """
    path = Path(path).expanduser()
    with one_line_of(path):
        stat = path.stat()
        checked = stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
        if checked not in _whole and b'bytearray' in _pickles(path, stat.st_size):
            raise ValueError('it holds a bytearray, not only tensors')
        _whole.add(checked)


def _pickles(path: Path, size: int) -> bytes:
    """Return the pickles in a file, or all of one that is not zipped, and check its records."""
    if path.suffix == '.safetensors':
        return b''
    if not is_zipfile(path):
        return path.read_bytes()
    with ZipFile(path) as file:
        unpacked = sum(part.file_size for part in file.infolist())
        if unpacked > 2 * size + _SPARE:
            raise ValueError(f'unpacks to {unpacked >> 20} MiB')
        if damaged := file.testzip():
            raise ValueError(f'{damaged} in it is damaged')
        return b''.join(file.read(name) for name in file.namelist() if name.endswith('.pkl'))


@contextmanager
def one_line_of(path: str | Path) -> Iterator[None]:
    """Raise any error of reading the checkpoint ``path`` as a ``CheckpointError`` of one line."""
    try:
        yield
    except FileNotFoundError:
        raise CheckpointError(f'{path}: no such checkpoint') from None
    except Exception as error:      # torch and safetensors raise a dozen types for a broken file
        # torch puts advice, which would not help here, before the reason
        words = ' '.join(str(error).split('WeightsUnpickler error:')[-1].split())
        words = words.partition(' Check the documentation')[0]
        advice = '; give a whole file that torch.save or safetensors wrote'
        if isinstance(error, OSError):                  # of the disk, or not allowed
            advice = ''
        if match := re.search(r'Unsupported (?:global: GLOBAL|class) (\S+)', words):
            words = (f'it holds a {match[1]}, not only tensors; where that can be imported, save '
                     f"its weights: torch.save(torch.load('{Path(path).name}', weights_only=False)"
                     ".state_dict(), 'weights.pth')")
            advice = ''
        raise CheckpointError(f'{path}: not a readable checkpoint ({type(error).__name__}: '
                              f'{words[:300]}){advice}') from None


def unwrapped_weights(content: Any) -> Any:
    """Return what projects store a state dict under, or the content itself."""
    for key in _CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    return content


def state_dict(content: Any, path: str | Path) -> dict[str, Tensor]:
    """Return the tensors by name from the ``content`` that :func:`read_checkpoint` read.

    Raises ``CheckpointError`` if there are none, or a tensor has more numbers than the file stores.
    """
    content = unwrapped_weights(content)
    if not isinstance(content, dict) or not all(
            isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        raise CheckpointError(f'{path}: holds no state dict of tensors')
    hollow = [name for name, value in content.items()
              if value.layout is not torch.strided or value.is_meta
              or value.numel() * value.element_size() > value.untyped_storage().nbytes()]
    if hollow:
        raise CheckpointError(f'{path}: {hollow[0]} {tuple(content[hollow[0]].shape)} is not '
                              'stored in full')
    return content


def refuse_another_network(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor],
                           path: str | Path, may_differ: Sequence[str] = ()) -> None:
    """Raise unless the tensors of a checkpoint match those of the network in name and shape.

    mmengine prints the names that do not match and continues with random weights there, so a wrong
    checkpoint looks like a bad one. Names in ``theirs`` may begin with DataParallel's ``module.``,
    those that fit a pattern in ``may_differ`` need not match, and counts of batches may be missing,
    as in files of torch before 0.4.1. The ``CheckpointError`` gives the ``path`` of the checkpoint
    and the first name that does not match.
    """
    there = {name.removeprefix('module.'): tuple(value.shape) for name, value in theirs.items()}
    here = {name: tuple(value.shape) for name, value in ours.items()
            if name in there or not name.endswith('.num_batches_tracked')}
    wrong = [name for name in here | there if here.get(name) != there.get(name)
             and not any(fnmatch(name, pattern) for pattern in may_differ)]
    if wrong:
        name = wrong[0]
        raise CheckpointError(
            f'{path}: a checkpoint of another network: {len(wrong)} tensors do not fit, first '
            f"'{name}' ({there.get(name, 'missing')} there, {here.get(name, 'none')} in the "
            "config's network); use the config it was trained with, or import another "
            "project's with hourglass.checkpoints")


def last_whole_checkpoint(work_dir: str | Path) -> tuple[Path | None, str | None]:
    """Return the newest undamaged checkpoint of a work folder, and a warning, each if there is one.

    The file ``last_checkpoint`` names the last one. If that one is damaged or missing, the others
    are tried, the newest first, except ``best_*.pth``, which hold no optimiser state, and the
    warning says so in one line. Raises ``CheckpointError`` if there are checkpoints, but all are
    damaged.
    """
    note = Path(work_dir, 'last_checkpoint')
    named = note.read_text().strip() if note.is_file() else ''
    last = Path(named) if named else None
    if last and Path(work_dir, last.name).is_file():
        last = Path(work_dir, last.name)                    # the work folder was moved or copied
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
