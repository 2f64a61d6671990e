"""The training that a process of tests/runs.py runs."""
import os
import runpy
import sys
import time
import traceback
from pathlib import Path

import torch
from mmengine.runner import Runner

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
