"""What a number was measured on, and how much memory a call takes."""
import multiprocessing
import os
import platform
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch

import hourglass
from hourglass.errors import HourglassError

_RUN_BY = ('mmengine', 'mmpose', 'ncnn', 'onnxruntime', 'openvino')


def machine() -> dict[str, str | int]:
    """Processor, accelerator, threads and versions."""
    model = [line.partition(':')[2].strip() for line in _lines('/proc/cpuinfo')
             if line.startswith('model name')]
    return dict(
        processor=model[0] if model else platform.processor(), cores=os.cpu_count(),
        instructions=torch.backends.cpu.get_cpu_capability(), threads=torch.get_num_threads(),
        accelerator=torch.cuda.get_device_name() if torch.cuda.is_available() else 'none',
        python=platform.python_version(), hourglass=hourglass.__version__, torch=torch.__version__,
        **{name: version(name) for name in _RUN_BY if find_spec(name)})


def peak_memory(prepare: Callable[..., Callable[[], object]], *arguments) -> int:
    """Bytes that a call takes at its peak, above what there was before, in a process of its own.

    On the accelerator, if there is one, what torch allocates; else the resident memory (Linux).

    Args:
        prepare: a function of a module, called with ``arguments`` in the new process; gives the
            call, which has not run yet: gradients and an optimiser's state count.

    Raises:
        HourglassError: with what went wrong there.
    """
    context = multiprocessing.get_context('spawn')
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(there, prepare, arguments))
    # the C library then gives back at once what is freed: the peak is that of what is in use
    with _environment(MALLOC_MMAP_THRESHOLD_='1000000'):
        process.start()
    there.close()
    try:
        answer = here.recv()
    except EOFError:
        process.join()
        answer = f'the process ended with {process.exitcode}; is there memory enough?'
    process.join()
    if isinstance(answer, str):
        raise HourglassError(f'memory: {answer}')
    return answer


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _measure(answer, prepare: Callable[..., Callable[[], object]], arguments: tuple) -> None:
    try:
        call = prepare(*arguments)
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            call()
            answer.send(torch.cuda.max_memory_allocated() - before)
            return
        Path('/proc/self/clear_refs').write_text('5')       # the peak starts again from here
        before = _resident('VmRSS')
        call()
        answer.send(_resident('VmHWM') - before)
    except Exception:
        answer.send(traceback.format_exc().strip().splitlines()[-1])


def _resident(field: str) -> int:
    line = next(line for line in _lines('/proc/self/status') if line.startswith(field))
    return 1024 * int(line.split()[1])


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
