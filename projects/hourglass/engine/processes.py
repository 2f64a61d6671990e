"""The processes of a distributed run: which of how many this one is, and how they meet."""
import os
import subprocess
from dataclasses import dataclass

import torch
import torch.distributed as dist
from mmengine.config import Config

from hourglass.errors import ConfigError

# the environment variables of each: rank, number of processes, rank on this machine
LAUNCHERS = dict(
    pytorch=('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    slurm=('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    mpi=('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'))


@dataclass(frozen=True)
class Place:
    """Which process this is.

    Attributes:
        rank, ranks: of all processes.
        here: number of this process on its machine, which is that of its GPU.
    """

    rank: int = 0
    ranks: int = 1
    here: int = 0


def find_place(launcher: str) -> Place:
    """What the launcher says of this process.

    Raises:
        ConfigError: if the launcher and what really started this process do not fit together, or
            there are fewer GPUs than processes.
    """
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
    if torch.cuda.is_available() and place.here >= torch.cuda.device_count():
        raise ConfigError(f'process {place.here + 1} on a machine with {torch.cuda.device_count()} '
                          'GPUs: start at most as many')
    return place


def join_ranks(launcher: str) -> None:
    """Let the processes of a launcher meet over ``gloo`` on machines without a GPU.

    mmengine starts the group by itself, but asks for a GPU whatever the backend. With GPUs it is
    left to it.

    Raises:
        ConfigError: as :func:`find_place`, and if nothing says where they meet.
    """
    place = find_place(launcher)
    if launcher == 'none' or torch.cuda.is_available() or dist.is_initialized():
        return
    os.environ.update(RANK=str(place.rank), WORLD_SIZE=str(place.ranks), LOCAL_RANK=str(place.here))
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_machine(launcher)
    dist.init_process_group('gloo')


def work_apart(launcher: str) -> Place:
    """For processes that share work and never meet: each takes its GPU.

    Raises:
        ConfigError: as :func:`find_place`.
    """
    place = find_place(launcher)
    if torch.cuda.is_available():
        torch.cuda.set_device(place.here)
    return place


def scale_learning_rate(cfg: Config, ranks: int) -> None:
    """The learning rate for the images that really go into a step: ranks x batch x accumulated.

    Linear (Goyal et al. 2017), from ``auto_scale_lr.base_batch_size``. mmengine's own does not
    count accumulated batches.

    Raises:
        ConfigError: if the config does not say what it scales from.
    """
    if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
        raise ConfigError('--auto-scale-lr: the config has no auto_scale_lr with its '
                          'base_batch_size')
    if 'lr' not in cfg.optim_wrapper.optimizer:
        raise ConfigError('--auto-scale-lr: optim_wrapper.optimizer has no lr to be scaled')
    images = (ranks * cfg.train_dataloader.batch_size
                * cfg.optim_wrapper.get('accumulative_counts', 1))
    cfg.optim_wrapper.optimizer.lr *= images / cfg.auto_scale_lr.base_batch_size
    cfg.auto_scale_lr.enable = False            # done


def _first_machine(launcher: str) -> str:
    if launcher != 'slurm':
        raise ConfigError(f'--launcher {launcher}: set MASTER_ADDR to the name of the machine of '
                          'the first process')
    names = subprocess.run(['scontrol', 'show', 'hostnames', os.environ['SLURM_NODELIST']],
                           capture_output=True, text=True, check=True).stdout
    return names.split()[0]
