"""What all tests rely on: processes end with their test, ports are free, draws are repeated."""
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from children import end_all, fork, program, reserved_port, together

STARTS_OTHERS = """\
import subprocess, time
subprocess.Popen(['sleep', '60'])
subprocess.Popen(['sleep', '60'], start_new_session=True)       # as torchrun does
print('started', flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='Linux tells who started whom')
def test_what_is_left_is_killed_with_all_that_it_started():
    process = program([sys.executable, '-c', STARTS_OTHERS])
    assert process.stdout.readline() == 'started\n'
    end_all()
    assert process.returncode == -signal.SIGKILL
    assert select.select([process.stdout], [], [], 20)[0]       # its end: nobody can write to it


def test_forks_are_killed_too():
    running, ended = fork(time.sleep, 60), fork(os.getpid)
    ended.join(20)
    end_all()
    assert (running.exitcode, ended.exitcode) == (-signal.SIGKILL, 0)


def test_a_process_that_got_the_number_of_an_ended_one_is_left_alone():
    ended = program([sys.executable, '-c', ''])
    ended.communicate()
    with subprocess.Popen(['sleep', '60'], start_new_session=True) as other:    # not from children
        ended.pid = other.pid
        end_all()
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.5)
        other.kill()


def fails_or_waits(rank: int) -> None:
    if rank == 1:
        sys.exit(1)
    time.sleep(60)


def test_a_rank_that_fails_is_not_waited_for():
    with pytest.raises(AssertionError, match='failed'):
        together(fails_or_waits, (), ranks=2)


def test_a_reserved_port_is_refused_until_the_one_who_asks_for_it_listens():
    with reserved_port() as port:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', port), 20)
        with socket.socket() as other, pytest.raises(OSError, match='in use'):
            other.bind(('127.0.0.1', port))
        with socket.create_server(('127.0.0.1', port)):
            socket.create_connection(('127.0.0.1', port), 20).close()


@pytest.mark.parametrize('again', [False, True])
def test_every_test_draws_from_the_beginning(again):
    numbers = random.random(), np.random.rand(), torch.rand(()).item()
    assert numbers == pytest.approx((0.8444218515250481, 0.5488135039273248, 0.4962565899))


def test_no_test_starts_a_process_otherwise():
    """``subprocess.run`` kills the one that it waits for."""
    starts = re.compile(r'\bPopen\(|\bProcess\(|start_processes\(|\bspawn\(|\bfork\(\)')
    tests = Path(__file__).parent
    others = [path for path in tests.rglob('*.py')
              if path not in (tests / 'children.py', Path(__file__))
              and (path.name.startswith('test_') or not re.search('__main__', path.read_text()))]
    assert len(others) > 200
    assert not [path for path in others if starts.search(path.read_text())]
