"""One decision for all ranks of a run: to go on, or to stop at the same iteration, and why."""
from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from itertools import count

import torch
import torch.distributed as dist

from hourglass.errors import one_line

# What a rank asks for; the highest counts. Below are the numbers of signals, and 0 to go on.
LOADER = 65                             # its data loader failed: between two iterations
HOOK = 66                               # a hook or another part of it failed
NUMBERS_THERE = 67                      # gradients are not finite after their reduction
NUMBERS = 68                            # its own loss or gradient is not finite

_numbers = count()


class Agreement:
    """A small all-reduce over gloo, and the store of the process group for what ranks have to say.

    Its group is not that of the gradients, so that a rank which cannot take part in those can still
    take part in this; all ranks create it at the same point. ``seconds`` is how long a rank waits
    for the others.
    """

    def __init__(self, seconds: float):
        self.rank, self.ranks = dist.get_rank(), dist.get_world_size()
        self.group = dist.new_group(backend='gloo', timeout=timedelta(seconds=seconds))
        self.store = dist.PrefixStore(f'hourglass{next(_numbers)}',
                                      dist.distributed_c10d._get_default_store())

    def reach(self, code: int = 0) -> tuple[int, int]:
        """Return the highest code of all ranks, and the first rank that has it."""
        mine = torch.tensor(code * self.ranks + self.ranks - 1 - self.rank)
        dist.all_reduce(mine, dist.ReduceOp.MAX, group=self.group)
        code, behind = divmod(int(mine), self.ranks)
        return code, self.ranks - 1 - behind

    def say(self, reason: str) -> None:
        """Leave the reason for which this rank ends; an empty one if it is another's."""
        self.store.set(str(self.rank), reason)

    def reason(self, rank: int) -> str:
        return self.store.get(str(rank)).decode()

    def find_cause(self, error: Exception, wait: float = 5) -> tuple[str, bool]:
        """Return why a collective failed with an ``error``, and whether this rank is to report it.

        A rank that says nothing within ``wait`` seconds hangs or has been killed.
        """
        reasons: dict[int, str] = {}
        end = time.monotonic() + wait
        with suppress(RuntimeError):            # as the store went with the first rank
            self.say('')
        for rank in range(self.ranks):
            with suppress(RuntimeError):        # the time is over
                left = timedelta(seconds=max(0.1, end - time.monotonic()))
                self.store.wait([str(rank)], left)
                reasons[rank] = self.reason(rank)
        for rank, reason in reasons.items():
            if reason:
                return f'rank {rank}: {reason}', self.rank == int(rank == 0)
        silent = sorted(set(range(self.ranks)) - reasons.keys() - {self.rank})
        if not silent:
            return f'a broken connection: {one_line(error)}', self.rank == 0
        return (f"rank{'s' * (len(silent) > 1)} {', '.join(map(str, silent))}: no answer; killed, "
                'out of memory, or hanging', self.rank == min(reasons, default=self.rank))


def broken_collective(error: Exception) -> bool:
    """Return whether an error is that of a collective, which another rank did not take part in."""
    return isinstance(error, RuntimeError) and (
        type(error).__name__.startswith('Dist') or 'gloo' in str(error))
