"""The training that a process of tests/runs.py runs."""
from __future__ import annotations

import os
import runpy
import sys
import time
import traceback
from multiprocessing.synchronize import Event
from pathlib import Path

import torch
from mmengine.runner import Runner
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

REPOSITORY = Path(__file__).parents[1]


def train(command: list[str], log: str, slow: float, patch: str) -> None:
    """Run ``tools/train.py`` with this command line, its output appended to a file.

    Args:
        slow: seconds that every flush of a file takes.
        patch: Python that is run first.
    """
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    torch.set_num_threads(1)
    Runner._log_env = lambda *args: None        # asks compilers for their versions for a second
    if slow:
        flush = os.fsync
        os.fsync = lambda descriptor: (time.sleep(slow), flush(descriptor))
    exec(patch, {})
    sys.argv = ['train.py', *command]
    code = 0
    try:
        runpy.run_path(str(REPOSITORY / 'tools/train.py'), run_name='__main__')
    except SystemExit as stop:
        code = stop.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)


# a fork has the agent's handlers of signals, which a program that torchrun starts does not have
NOTE_PROCESS = """\
import os, signal
from pathlib import Path
for number in signal.SIGTERM, signal.SIGINT:
    signal.signal(number, signal.SIG_DFL)
Path({folder!r}, f"{{os.environ['TORCHELASTIC_RESTART_COUNT']}}-{{os.environ['RANK']}}").write_text(
    str(os.getpid()))
"""


def poll(event: Event, timeout: float | None = None) -> None:
    """Wait for an event; its own ``wait`` blocks ``set`` for ever if it is killed."""
    while not event.is_set():
        time.sleep(0.05)


def train_together(command: list[str], log: str, ranks: int, restarts: int, folder: str) -> None:
    """Let torchrun's agent :func:`train` in forks of this process; each notes its number as
    ``folder/RESTARTS-RANK``."""
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ['TORCH_DISABLE_SHARE_RDZV_TCP_STORE'] = '1'         # as tools/dist.sh
    Event.wait = poll                   # with which the forks wait for each other at the end
    elastic_launch(LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=ranks, run_id='test', rdzv_backend='c10d',
        rdzv_endpoint='localhost:0', max_restarts=restarts, start_method='fork',
        local_addr='localhost', monitor_interval=0.1), train)(
            command, log, 0.1, NOTE_PROCESS.format(folder=folder))
