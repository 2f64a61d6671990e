"""Errors that a user can fix, as one line and an exit status."""
from __future__ import annotations

import errno
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from hourglass.errors import HourglassError, words_of
from hourglass.io.files import not_written

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
    except KeyboardInterrupt:
        print('stopped', file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        line = _one_line(error)
        if line is None:
            raise
        sys.exit(f'error: {line}')


# methods of mmengine's runner, and the keys of the config that they read
_BUILDERS = dict(
    build_model='model', build_visualizer='visualizer', register_default_hooks='default_hooks',
    register_custom_hooks='custom_hooks', build_train_loop='train_cfg and train_dataloader',
    build_val_loop='val_cfg and val_dataloader', build_evaluator='val_evaluator',
    build_optim_wrapper='optim_wrapper', build_param_scheduler='param_scheduler',
    build_logger='log_level', set_randomness='randomness', setup_env='env_cfg')


def unbuilt(error: Exception) -> str:
    """Return one line for an error before the first step of a run.

    It has the key of the config that was read, the class that was being built, the error, and the
    line of code that raised it.
    """
    key = kind = ''
    for frame, _ in traceback.walk_tb(error.__traceback__):
        key = _BUILDERS.get(frame.f_code.co_name, key)
        if frame.f_code.co_name == 'build_from_cfg':
            kind = frame.f_locals['cfg'].get('type', '')
    code = traceback.extract_tb(error.__traceback__)[-1]
    place = f'{key}: ' if key else ''
    return (f"{place}{f'{kind}: ' if kind else ''}{type(error).__name__}: "
            f"{words_of(error).rstrip('.')} ({code.filename}:{code.lineno})")


def _one_line(error: Exception) -> str | None:
    """Return what a user has to know of an error, or None for a defect."""
    text = str(error)
    if isinstance(error, HourglassError):
        return text
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f'{error.filename}: {error.strerror}; shorten it'
    if isinstance(error, OSError) and error.errno in _DISK:
        if any(Path(frame.filename).name == 'synchronize.py'            # multiprocessing's
               for frame in traceback.extract_tb(error.__traceback__)):
            return (f'the locks of data workers: {error.strerror}: raise the shared memory, '
                    '/dev/shm (docker run --shm-size), or set num_workers=0')
        name = error.filename or f'a file, perhaps a temporary one in {gettempdir()} (TMPDIR)'
        if error.errno == errno.EACCES:
            return f'{name}: cannot be read or written; change its permissions, or its place'
        return str(not_written(name, error))
    if isinstance(error, KeyError) and (
            match := re.search(r'([\w.]+) is not in the (.+?) registry', text)):
        return (f"the config names type '{match[1]}', which the registry {match[2]} does not "
                'know; check its spelling and custom_imports')
    if isinstance(error, RuntimeError) and re.match(r'DataLoader (worker \(pid|timed out)', text):
        return (f"{' '.join(text.split()).rstrip('. ')}: a data worker was lost or hangs (memory? "
                'a slow disk?); try fewer num_workers; if it trained, go on with --resume')
    if isinstance(error, (RuntimeError, MemoryError)) and (
            match := re.search(r'(CUDA|MPS).*out of memory|DefaultCPUAllocator', text)):
        place = 'device' if match[1] else 'machine'
        return (f'the memory of the {place} is full ({text.splitlines()[0]}); lower --batch-size, '
                'or the batch_size of the data loader')
    if isinstance(error, RuntimeError) and re.search(r'gloo.* by peer', text):
        return 'another process of this run has ended; its error, or what killed it, is the reason'
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
