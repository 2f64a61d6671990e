"""The processes of a distributed run: which of how many this one is, and how they meet."""
import os
import subprocess

import torch
import torch.distributed as dist

from hourglass.errors import ConfigError

# rank, number of processes, rank on this machine
_VARIABLES = dict(
    pytorch=('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    slurm=('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    mpi=('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'))


def join_ranks(launcher: str) -> None:
    """Let the processes of a launcher meet over ``gloo`` on machines without a GPU.

    mmengine starts the group by itself, but asks for a GPU whatever the backend. With GPUs it is
    left to it, and only what cannot work is refused.

    Raises:
        ConfigError: if the launcher and what really started this process do not fit together, or
            there are fewer GPUs than processes.
    """
    if launcher == 'none':
        if int(os.environ.get('WORLD_SIZE', 1)) > 1:
            raise ConfigError(f"started as one of {os.environ['WORLD_SIZE']} processes, each of "
                              'which would do all of the work: add --launcher pytorch')
        return
    names = _VARIABLES[launcher]
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise ConfigError(f'--launcher {launcher}: {missing[0]} is not set, so nothing started '
                          'several processes; use tools/dist_train.sh, tools/slurm_train.sh or '
                          'torchrun, or leave --launcher out')
    rank, ranks, here = (os.environ[name] for name in names)
    if torch.cuda.is_available():
        if int(here) >= torch.cuda.device_count():
            raise ConfigError(f'process {int(here) + 1} on a machine with '
                              f'{torch.cuda.device_count()} GPUs: start at most as many')
        return
    os.environ.update(RANK=rank, WORLD_SIZE=ranks, LOCAL_RANK=here)
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_machine(launcher)
    if not dist.is_initialized():
        dist.init_process_group('gloo')


def _first_machine(launcher: str) -> str:
    if launcher != 'slurm':
        raise ConfigError(f'--launcher {launcher}: set MASTER_ADDR to the name of the machine of '
                          'the first process')
    names = subprocess.run(['scontrol', 'show', 'hostnames', os.environ['SLURM_NODELIST']],
                           capture_output=True, text=True, check=True).stdout
    return names.split()[0]
