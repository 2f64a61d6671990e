"""Each launcher's variables give the place of a process, or one line that says what is missing."""
import os

import pytest
from pairs import zip_equal

from hourglass.engine.processes import LAUNCHERS, Place, find_place, join_ranks, work_apart
from hourglass.errors import ConfigError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    """In an environment of the test's own, as ``join_ranks`` sets variables, too."""
    known = {'MASTER_ADDR', *(name for names in LAUNCHERS.values() for name in names)}
    monkeypatch.setattr(os, 'environ', {
        name: value for name, value in os.environ.items() if name not in known})


def test_without_a_launcher_there_is_one_process():
    assert find_place('none') == work_apart('none') == Place(rank=0, ranks=1, local_rank=0)


@pytest.mark.parametrize('launcher', LAUNCHERS)
def test_a_launchers_variables_give_the_place(monkeypatch, launcher):
    for name, value in zip_equal(LAUNCHERS[launcher], ('5', '8', '0')):
        monkeypatch.setenv(name, value)
    assert work_apart(launcher) == Place(rank=5, ranks=8, local_rank=0)


@pytest.mark.parametrize(('launcher', 'variables', 'message'), [
    ('none', dict(WORLD_SIZE='2'), 'one of 2 processes, .*: add --launcher pytorch'),
    ('slurm', {}, 'SLURM_PROCID is not set, so nothing started'),
    ('mpi', dict(zip(LAUNCHERS['mpi'], '010')), 'mpi: set MASTER_ADDR')])
def test_what_is_missing_is_named(monkeypatch, launcher, variables, message):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message):
        join_ranks(launcher)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    monkeypatch.setattr('torch.cuda.device_count', lambda: 2)
    for name, value in zip_equal(LAUNCHERS['pytorch'], ('2', '3', '2')):
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match='process 3 on a machine with 2 GPUs'):
        find_place('pytorch')


def test_slurm_without_scontrol_asks_for_the_machine_of_the_first_process(monkeypatch):
    for name, value in zip_equal(LAUNCHERS['slurm'], '010'):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv('SLURM_NODELIST', 'a[1-2]')
    monkeypatch.setenv('PATH', '')
    with pytest.raises(ConfigError, match='slurm: set MASTER_ADDR'):
        join_ranks('slurm')
