"""Errors that a user can fix, as one line and an exit status."""
import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hourglass.errors import HourglassError

# what is wrong with a disk or a folder, and no defect of a program
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with one line for what the user can mend; show the rest in full."""
    try:
        yield
    except BrokenPipeError:             # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except HourglassError as error:
        # out of a data worker it comes with the worker's traceback before its own words
        sys.exit(f'error: {_last_line(error)}')
    except OSError as error:
        if error.errno not in _DISK:
            raise
        sys.exit(f"error: {error.filename or 'a file'}: cannot be written ({error.strerror}); "
                 'choose a folder you may write to, with free space')
    except KeyError as error:
        match = re.search(r'([\w.]+) is not in the (.+?) registry', str(error))
        if not match:
            raise
        sys.exit(f"error: the config names type '{match[1]}', which the registry {match[2]} "
                 'does not know; check its spelling and custom_imports')
    except RuntimeError as error:
        if not re.match(r'DataLoader (worker \(pid|timed out)', str(error)):
            raise
        words = ' '.join(str(error).split())
        sys.exit(f"error: {words.rstrip('. ')}: a data worker was lost or hangs (memory? a slow "
                 'disk?); try fewer num_workers')
    except TypeError as error:
        match = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'",
                          str(error))
        if not match:
            raise
        sys.exit(f"error: the config gives {match[1]} an argument '{match[2]}' it does not have")


def _last_line(error: Exception) -> str:
    line = str(error).strip().splitlines()[-1]
    return re.sub(r'^[\w.]+Error: ', '', line)
