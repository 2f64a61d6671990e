"""The processes of a distributed run: which one this is, and how they meet."""
import os
import subprocess
from contextlib import suppress
from typing import NamedTuple

from hourglass.errors import ConfigError
from hourglass.io.tables import counted

# the environment variables of each: rank, number of processes, rank on this machine
LAUNCHERS = dict(
    pytorch=('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    slurm=('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    mpi=('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'))


class Place(NamedTuple):
    """The rank of this process, their number, and its rank (and GPU) on this machine."""

    rank: int = 0
    ranks: int = 1
    local_rank: int = 0


def find_place(launcher: str) -> Place:
    """Return this process's place as its launcher states it.

    Raises ``ConfigError`` if another one started it, or there are fewer GPUs than processes.
    """
    import torch  # takes seconds, not for --help
    if launcher == 'none':
        if int(os.environ.get('WORLD_SIZE', 1)) > 1:
            raise ConfigError(f"started as one of {os.environ['WORLD_SIZE']} processes, each of "
                              'which would do all of the work: add --launcher pytorch')
        return Place()
    missing = [name for name in LAUNCHERS[launcher] if name not in os.environ]
    if missing:
        raise ConfigError(f'--launcher {launcher}: {missing[0]} is not set, so nothing started '
                          'several processes; use tools/dist_train.sh, tools/slurm_train.sh or '
                          'torchrun, or leave --launcher out')
    place = Place(*(int(os.environ[name]) for name in LAUNCHERS[launcher]))
    if torch.cuda.is_available() and place.local_rank >= torch.cuda.device_count():
        raise ConfigError(f'process {place.local_rank + 1} on a machine with '
                          f"{counted(torch.cuda.device_count(), 'GPU')}: start at most as many")
    return place


def restarted() -> bool:
    """Return whether torchrun (``--max-restarts``) started this process again after a failure."""
    return int(os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)) > 0


def first_start() -> bool:
    """Return whether torchrun may start this process again, and has not yet."""
    return int(os.environ.get('TORCHELASTIC_MAX_RESTARTS', 0)) > 0 and not restarted()


def join_ranks(launcher: str) -> None:
    """Initialise the process group over ``gloo`` on machines without a GPU.

    mmengine would ask for a GPU there with any backend. With GPUs it initialises the group itself.
    Raises ``ConfigError`` as :func:`find_place`, and if MASTER_ADDR is missing.
    """
    import torch
    from torch import distributed as dist
    place = find_place(launcher)
    if launcher == 'none' or torch.cuda.is_available() or dist.is_initialized():
        return
    os.environ.update(zip(LAUNCHERS['pytorch'], map(str, place)))
    os.environ.setdefault('MASTER_PORT', '29500')
    if launcher == 'slurm' and 'MASTER_ADDR' not in os.environ:
        # missing in containers
        with suppress(OSError, KeyError, IndexError, subprocess.CalledProcessError):
            names = subprocess.run(['scontrol', 'show', 'hostnames', os.environ['SLURM_NODELIST']],
                                   capture_output=True, text=True, check=True).stdout
            os.environ['MASTER_ADDR'] = names.split()[0]
    if 'MASTER_ADDR' not in os.environ:
        raise ConfigError(f'--launcher {launcher}: set MASTER_ADDR to the name of the machine of '
                          'the first process')
    dist.init_process_group('gloo')


def work_apart(launcher: str) -> Place:
    """Choose the GPU of a process that shares work with others without a process group."""
    import torch
    place = find_place(launcher)
    if torch.cuda.is_available():
        torch.cuda.set_device(place.local_rank)
    return place
