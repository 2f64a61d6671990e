"""The processes that tests start: all of them end with their test, with what they started.

A test that fails, or that waits in vain, else leaves processes that pytest waits for at its end.
"""
from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

LIMIT = 600             # s for what takes seconds where nothing else runs; pytest's is twice that
FORK = multiprocessing.get_context('fork')
_started: list[BaseProcess | subprocess.Popen] = []


def program(command: Sequence, **options) -> subprocess.Popen:
    """Start a program, as ``Popen`` does, with its output and errors in one text.

    Waiting for it has pytest's limit for a test.
    """
    process = subprocess.Popen(
        [str(part) for part in command], text=True, start_new_session=True,
        **dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT) | options)
    _started.append(process)
    return process


def run(command: Sequence, **options) -> subprocess.CompletedProcess:
    """Run a program that may start others, as ``subprocess.run`` does, and return its texts."""
    process = program(command, stderr=subprocess.PIPE, **options)
    texts = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, *texts)


def fork(target: Callable, *arguments, context=FORK) -> BaseProcess:
    """Call ``target`` in a process, by default a fork of this one."""
    process = context.Process(target=_lead, args=(target, *arguments))
    process.start()
    _started.append(process)
    return process


def _lead(target: Callable, *arguments) -> None:
    os.setsid()
    target(*arguments)


class Child:
    """A process that calls ``target`` and writes its output to the file ``log``."""

    def __init__(self, log: Path, target: Callable, *arguments, context=FORK):
        self.log = log
        self.process = fork(target, *arguments, context=context)
        self.pid = self.process.pid

    def wait(self) -> int:
        """Return the exit code; a negative one is a signal's number."""
        self.process.join(LIMIT)
        assert self.process.exitcode is not None, f'still running: {self.output[-3000:]}'
        return self.process.exitcode

    def until(self, condition: Callable) -> bool:
        """Wait for a condition; False if the process ended before."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if condition():
                return True
            if not self.process.is_alive():
                return bool(condition())
            time.sleep(0.002)
        raise AssertionError(f'nothing happened: {self.output[-3000:]}')

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process.is_alive():
            os.kill(self.pid, number)

    @property
    def output(self) -> str:
        """All that is in the log, also of processes before."""
        return self.log.read_text() if self.log.exists() else ''


def together(target: Callable, arguments: tuple, ranks: int, context=FORK) -> None:
    """Call ``target(rank, *arguments)`` in each of several processes; all must end well.

    A process group that ``target`` initialises ends with its process. If it destroys the group
    while a wrapped network has it, too, the network may wait forever for a thread of the group:
    that of gloo needs the GIL to forget its last work, and the network's end holds it.
    """
    processes = [fork(target, rank, *arguments, context=context) for rank in range(ranks)]
    end = time.monotonic() + LIMIT
    while any(process.is_alive() for process in processes):
        assert time.monotonic() < end, 'still running'
        assert not any(process.exitcode for process in processes), 'failed, see its traceback'
        time.sleep(0.01)
    assert [process.exitcode for process in processes] == [0] * ranks


def end_all() -> None:
    """Kill the processes that were started here, and all that they have started."""
    while _started:
        process = _started.pop()
        for leader in _family(process):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(leader, signal.SIGKILL)
        process.kill()                  # which may lead no group yet
        if isinstance(process, subprocess.Popen):
            process.wait(LIMIT)
        else:
            process.join(LIMIT)


atexit.register(end_all)                # before multiprocessing waits; for Ctrl-C


def _family(process: BaseProcess | subprocess.Popen) -> list[int]:
    """A process and its descendants, as torchrun gives each of its processes a group of its own;
    the first alone where the system does not tell."""
    ended = process.poll() if isinstance(process, subprocess.Popen) else process.exitcode
    if ended is not None and _exists(process.pid):
        return []                       # another one has its number, so its group was empty
    found = [process.pid]
    for one in found:
        for children in Path(f'/proc/{one}/task').glob('*/children'):
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@contextmanager
def reserved_port() -> Iterator[int]:
    """A TCP port of this machine that nobody listens at and that the system gives to nobody; who
    asks for this number may listen at it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(('127.0.0.1', 0))
        yield held.getsockname()[1]
