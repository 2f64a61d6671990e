"""Errors that a user can fix are one line and status 1, all others are raised."""
import errno
import multiprocessing
from multiprocessing import synchronize
from tempfile import gettempdir

import pytest

from hourglass.cli.errors import one_line_errors
from hourglass.errors import ConfigError, DataError


@pytest.mark.parametrize(('error', 'line'), [
    (ConfigError('a.py: no such config file'), 'a.py: no such config file'),
    (DataError('Caught DataError in DataLoader worker process 0.\nOriginal Traceback:\n'
               '  File "x.py", line 1\nhourglass.errors.DataError: a.jpg: not an image'),
     'a.jpg: not an image'),
    (OSError(errno.EACCES, 'Permission denied', 'log.json'),
     'log.json: cannot be read or written; change its permissions, or its place'),
    (OSError(errno.ENOSPC, 'No space left on device', 'out/a.pth'),
     'out/a.pth: cannot be written (No space left on device); choose a folder you may write to, '
     'with free space'),
    (OSError(errno.ENAMETOOLONG, 'File name too long', 'aaaa.jpg'),
     'aaaa.jpg: File name too long; shorten it'),
    (KeyError('Nets is not in the mmengine::model registry. Please check'),
     "the config names type 'Nets', which the registry mmengine::model does not know; check its "
     'spelling and custom_imports'),
    (RuntimeError('DataLoader worker (pid 7) is killed by signal: Killed. '),
     'DataLoader worker (pid 7) is killed by signal: Killed: a data worker was lost or hangs '
     '(memory? a slow disk?); try fewer num_workers; if it trained, go on with --resume'),
    (RuntimeError('[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by '
                  'peer [127.0.0.1]:13728'),
     'another process of this run has ended; its error, or what killed it, is the reason'),
    (OSError(errno.ENOSPC, 'No space left on device'),
     f'a file, perhaps a temporary one in {gettempdir()} (TMPDIR): cannot be written (No space '
     'left on device); choose a folder you may write to, with free space'),
    (RuntimeError('CUDA out of memory. Tried to allocate 2 GiB.\nSee documentation'),
     'the memory of the device is full (CUDA out of memory. Tried to allocate 2 GiB.); lower '
     '--batch-size, or the batch_size of the data loader'),
    (RuntimeError('[enforce fail] DefaultCPUAllocator: not enough memory'),
     'the memory of the machine is full ([enforce fail] DefaultCPUAllocator: not enough memory); '
     'lower --batch-size, or the batch_size of the data loader'),
    (ImportError('Please run "pip install wandb"\nto install wandb'),
     'Please run "pip install wandb" to install wandb'),
    (ModuleNotFoundError("No module named 'cv2'", name='cv2'),
     'this needs cv2, which is not installed: pip install opencv-python-headless'),
    (ModuleNotFoundError("No module named 'mmengine'", name='mmengine'),
     "this needs mmengine, which is not installed: see docs/install.md for OpenMMLab's packages"),
    (type('MlflowException', (Exception,), {})('no such store'), 'no such store'),
    (TypeError("Net.__init__() got an unexpected keyword argument 'stack'"),
     "the config gives Net an argument 'stack' it does not have"),
    (TypeError("class `Net` in nets/net.py: __init__() got an unexpected keyword argument 'stack'"),
     "the config gives Net an argument 'stack' it does not have")])
def test_an_error_that_a_user_can_fix_is_one_line(error, line):
    with pytest.raises(SystemExit) as stop, one_line_errors():
        raise error
    assert stop.value.code == f'error: {line}'


def test_an_interrupted_command_says_so(capsys):
    with pytest.raises(SystemExit) as stop, one_line_errors():
        raise KeyboardInterrupt
    assert stop.value.code == 130 and capsys.readouterr().err == 'stopped\n'


def test_a_shared_memory_without_space_for_a_lock_is_named(monkeypatch):
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr(synchronize._multiprocessing, 'SemLock', full)
    with pytest.raises(SystemExit) as stop, one_line_errors():
        multiprocessing.Lock()
    assert stop.value.code == (
        'error: the locks of data workers: No space left on device: raise the shared memory, '
        '/dev/shm (docker run --shm-size), or set num_workers=0')


@pytest.mark.parametrize('error', [
    KeyError('something else'), TypeError('bad'), RuntimeError('bug'), OSError(errno.EIO, 'broken'),
    ValueError('not ours'), ImportError("cannot import name 'x'")])
def test_other_errors_are_raised(error):
    with pytest.raises(type(error)) as raised, one_line_errors():
        raise error
    assert raised.value is error
