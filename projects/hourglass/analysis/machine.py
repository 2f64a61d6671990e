"""The machine that a number was measured on, and the memory that a call takes."""
from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import torch

import hourglass
from hourglass.errors import HourglassError

_VERSIONS = ('mmengine', 'mmpose', 'ncnn', 'numpy', 'onnxruntime', 'openvino')
_PROC = Path('/proc')                   # Linux


def machine() -> dict[str, str | int]:
    """Describe processor, accelerator, threads and versions."""
    info = _PROC / 'cpuinfo'            # elsewhere Python knows no more than the architecture
    model = [line.partition(':')[2].strip() for line in
             (info.read_text().splitlines() if info.is_file() else ())
             if line.startswith('model name')]
    return dict(
        processor=model[0] if model else platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1, instructions=_instructions(),
        threads=torch.get_num_threads(),
        accelerator=(torch.cuda.get_device_name() if torch.cuda.is_available() else
                     'MPS' if torch.backends.mps.is_available() else 'none'),
        python=platform.python_version(), hourglass=hourglass.__version__, torch=torch.__version__,
        **{name: _release(name) for name in _VERSIONS if find_spec(name)})


def _release(name: str) -> str:
    with suppress(PackageNotFoundError):
        return version(name)
    return 'unknown'                    # of another distribution, as onnxruntime-gpu


def _instructions() -> str:
    """Return the instruction set that torch uses, such as AVX512."""
    found = re.search(r'CPU capability usage: (\w+)', torch.__config__.show())
    return found[1] if found else 'unknown'


def described(about: dict[str, str | int]) -> str:
    """Format what :func:`machine` returns as one line."""
    return (f"{about['processor']}, {about['threads']} of {about['cores']} cores, "
            f"{about['instructions']}, accelerator {about['accelerator']}; torch {about['torch']}, "
            f"hourglass {about['hourglass']}")


def peak_memory(prepare: Callable[..., Callable[[], object]], *arguments: object) -> int:
    """Measure the bytes that a call takes at its peak, in a process of its own.

    The process calls ``prepare`` with the arguments, and measures the first call of what that
    returns: gradients and the state of an optimiser count, memory that was in use before does not.
    It is the memory that torch allocates on an accelerator, else the resident memory, which only
    Linux reports. Raises ``HourglassError`` if it cannot be measured here, or the process failed.
    """
    if not torch.cuda.is_available() and not os.access(_PROC / 'self/clear_refs', os.W_OK):
        raise HourglassError(f'memory: needs an accelerator or {_PROC}/self/clear_refs (Linux)')
    # the C library of the process then returns freed memory at once: the peak is of memory in use
    os.environ['MALLOC_MMAP_THRESHOLD_'] = '1000000'
    try:
        with ProcessPoolExecutor(1, get_context('spawn')) as pool:
            return pool.submit(_measure, prepare, arguments).result()
    except BrokenProcessPool:
        raise HourglassError('memory: the process was killed; is there enough memory?') from None
    except Exception as error:
        raise HourglassError(f'memory: {type(error).__name__}: {error}') from None
    finally:
        del os.environ['MALLOC_MMAP_THRESHOLD_']


def _measure(prepare: Callable[..., Callable[[], object]], arguments: tuple) -> int:
    call = prepare(*arguments)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        return torch.cuda.max_memory_allocated() - before
    (_PROC / 'self/clear_refs').write_text('5')         # the peak starts again from here
    before = _resident('VmRSS')
    call()
    return _resident('VmHWM') - before


def _resident(field: str) -> int:
    """Return a field of this process's status, in bytes."""
    lines = (_PROC / 'self/status').read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))
