"""Measure what ranks do in each iteration to stop together: docs/scaling.md has the numbers."""
import tempfile
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from hourglass import StackedHourglass
from hourglass.engine.agreement import Agreement
from hourglass.engine.watching import _first_not_finite


def seconds(function, times: int) -> list[float]:
    """How long each call took, in order of size."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        function()
        found.append(time.perf_counter() - began)
    return sorted(found)


def agree(rank: int, ranks: int, meet: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{meet}', rank=rank, world_size=ranks)
    agreement = Agreement(60)
    found = seconds(agreement.reach, 2000)
    if rank == 0:
        print(f'{ranks} processes agree: median {1e3 * found[1000]:.2f} ms, 99 % within '
              f'{1e3 * found[1980]:.1f} ms')
    dist.barrier()


if __name__ == '__main__':
    network = StackedHourglass()
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter)
    found = seconds(lambda: _first_not_finite(network), 15)
    print(f'gradients of eight stacks: median {1e3 * found[7]:.0f} ms')
    for ranks in (2, 3):
        mp.start_processes(agree, (ranks, tempfile.mktemp()), nprocs=ranks, start_method='fork')
