"""What the C library does with memory that is freed."""
import ctypes
import os

_OPTIONS = {                            # of glibc's mallopt, by their numbers in malloc.h
    -1: 2**30,                          # M_TRIM_THRESHOLD: up to 1 GiB is kept
    -4: 0,                              # M_MMAP_MAX: large blocks are kept like small ones
    -8: 1}                              # M_ARENA_MAX: a thread may use what another one freed


def keep_freed_memory() -> None:
    """Let this process use freed memory again, instead of returning it to the system at once.

    Otherwise a network's feature maps lie in new memory each time, which the system clears page by
    page: on a CPU, a third of the time of a large batch. Without glibc nothing changes.
    """
    for option, value in _OPTIONS.items():
        _call('mallopt', option, value)


def return_freed_memory() -> None:
    """Return memory to the system that glibc keeps after it was freed; otherwise do nothing."""
    _call('malloc_trim', 0)


def _call(name: str, *arguments: int) -> None:
    """Call a function of the C library, if it has it."""
    if os.name == 'posix' and hasattr(library := ctypes.CDLL(None), name):
        getattr(library, name)(*arguments)
