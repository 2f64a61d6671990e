"""Runs whose processes are killed at random moments are brought back by torchrun, and end the same.

torchrun's own agent starts forks of one process, so that a start takes a second.
"""
from __future__ import annotations

import os
import random
import re
import signal
from pathlib import Path

import pytest
from children import Child
from run_process import train_together
from runs import CONTEXT, differences, losses, state, write_config


class Launch(Child):
    """torchrun for a run of tests/runs.py in several processes, itself a process."""

    def __init__(self, config: Path, work: Path, ranks: int, restarts: int):
        self.work, log = work, work.with_suffix('.log')
        self.folder = work.with_name(f'{work.name}_processes')
        self.folder.mkdir()
        log.touch()
        command = [str(config), '--work-dir', str(work), '--launcher', 'pytorch',
                   '--cfg-options', 'train_dataloader.batch_size=2']
        super().__init__(log, train_together, command, str(log), ranks, restarts,
                         str(self.folder), context=CONTEXT)

    def rank(self, start: int, rank: int) -> int | None:
        """The process of a rank after ``start`` restarts, once it is there."""
        path = self.folder / f'{start}-{rank}'
        there = self.until(lambda: path.exists() and path.read_text())
        return int(path.read_text()) if there else None


def assert_same(work: Path, straight: Path) -> None:
    names, others = ({path.name for path in folder.iterdir() if path.is_file()}
                     for folder in (work, straight))
    assert names == others
    for name in names:
        if name.endswith('.pth'):
            assert differences(state(straight / name), state(work / name)) == []
    assert losses(work) == losses(straight)


@pytest.fixture(scope='module')
def config(synthetic, tmp_path_factory) -> Path:
    return write_config(tmp_path_factory.mktemp('config'), synthetic)


def killed(launch: Launch, start: int, moments: random.Random, ranks: int) -> str | None:
    """Kill a random rank within a second of a random iteration, or of the start, and return which
    and when; None if the run ended before."""
    rank, after = moments.randrange(ranks), moments.randrange(8)
    before, pid = len(launch.output), launch.rank(start, rank)

    def lines() -> list[str]:
        return re.findall(r' - (Epoch\(.*?/\d+\])', launch.output[before:])
    if pid:
        launch.until(lambda: len(lines()) >= after)
    launch.process.join(moments.uniform(0, 1))
    if pid is None:
        return None
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:          # it has finished
        return None
    writing = any(launch.work.glob('*.part'))
    return (f"{rank} after {''.join(lines()[-1:]) or 'the start'}"
            f"{', while a file was written' if writing else ''}")


@pytest.mark.slow
@pytest.mark.parametrize('ranks', [2, 3])
def test_ranks_killed_at_random_moments_leave_no_trace(config, tmp_path, ranks, capsys):
    launch = Launch(config, tmp_path / 'straight', ranks, 0)
    assert launch.wait() == 0, launch.output[-3000:]
    moments, left = random.Random(ranks), 10
    while left:
        launch = Launch(config, tmp_path / f'work{left}', ranks, 5)
        kills = [kill for start in range(min(left, 5))
                 if (kill := killed(launch, start, moments, ranks))]
        assert launch.wait() == 0, launch.output[-3000:]
        assert_same(launch.work, tmp_path / 'straight')
        left -= len(kills)
        with capsys.disabled():
            print(f"\n{ranks} processes, killed: {'; '.join(kills)}: bit-identical")
