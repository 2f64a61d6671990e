"""Errors that a user can fix, as one line and an exit status."""
from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import gettempdir

from hourglass.errors import HourglassError

# a problem of a disk or a folder, not a defect of the program
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}

# packages that are not installed with this one -> how to install them
_INSTALL = dict(cv2='pip install opencv-python-headless') | dict.fromkeys(
    ('mmengine', 'mmcv', 'mmpose', 'mmdet'), "see docs/install.md for OpenMMLab's packages")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with one line for an error that the user can fix; raise any other."""
    try:
        yield
    except BrokenPipeError:             # the reader of the output, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        line = _one_line(error)
        if line is None:
            raise
        sys.exit(f'error: {line}')


def _one_line(error: Exception) -> str | None:
    """Return what a user has to know of an error, or None for a defect."""
    text = str(error)
    if isinstance(error, HourglassError):
        # an error in a data worker comes with the worker's traceback before its own line
        return re.sub(r'^[\w.]+Error: ', '', text.strip().splitlines()[-1])
    if isinstance(error, OSError) and error.errno in _DISK:
        name = error.filename or f'a file, perhaps a temporary one in {gettempdir()} (TMPDIR)'
        return (f'{name}: cannot be written ({error.strerror}); choose a folder you may write to, '
                'with free space')
    if isinstance(error, KeyError) and (
            match := re.search(r'([\w.]+) is not in the (.+?) registry', text)):
        return (f"the config names type '{match[1]}', which the registry {match[2]} does not "
                'know; check its spelling and custom_imports')
    if isinstance(error, RuntimeError) and re.match(r'DataLoader (worker \(pid|timed out)', text):
        return (f"{' '.join(text.split()).rstrip('. ')}: a data worker was lost or hangs (memory? "
                'a slow disk?); try fewer num_workers; if it trained, go on with --resume')
    if isinstance(error, ModuleNotFoundError) and error.name in _INSTALL:
        return f'this needs {error.name}, which is not installed: {_INSTALL[error.name]}'
    # of mmengine's backends for logs
    if type(error).__name__ == 'MlflowException' or (
            isinstance(error, ImportError) and 'pip install' in text):
        return ' '.join(text.split())
    # before 3.10 Python did not name the class, but mmengine does: class `X` in x.py: __init__()
    unknown = r"(\w+)(?:` in \S+: |\.)__init__\(\) got an unexpected keyword argument '(\w+)'"
    if isinstance(error, TypeError) and (match := re.search(unknown, text)):
        return f"the config gives {match[1]} an argument '{match[2]}' it does not have"
    return None
