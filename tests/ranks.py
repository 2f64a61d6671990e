"""Training runs of toys in several processes (gloo, CPU), which can be stopped or broken."""
from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import mmengine.config.config
import torch
import torch.distributed as dist
import toy_runs
from children import Child
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from hourglass.engine.resuming import keep_global_batch


@HOOKS.register_module(force=True)
class Meddles(Hook):
    """Calls ``act(runner, moment)`` at the moments of a run; see :func:`ranks_of`."""

    act: Callable = staticmethod(lambda runner, moment: None)

    def before_train_iter(self, runner, **step) -> None:
        self.act(runner, 'before')

    def after_train_iter(self, runner, **step) -> None:
        self.act(runner, 'after')

    def after_val_iter(self, runner, **step) -> None:
        self.act(runner, 'validating')

    def after_val_epoch(self, runner, metrics=None) -> None:
        self.act(runner, 'validated')

    def leave_run(self, runner) -> None:
        self.act(runner, 'left')


class Rank(Child):
    """One process of a run."""

    def __init__(self, target: Callable, rank: int, ranks: int, folder: Path, number: str):
        super().__init__(folder / f'rank{rank}_{number}.log', self._run, target, rank, ranks,
                         folder / f'meet_{number}')

    def _run(self, target: Callable, rank: int, ranks: int, meet: Path) -> None:
        with self.log.open('w', buffering=1) as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        sys.stdout, sys.stderr = (os.fdopen(n, 'w', buffering=1, closefd=False) for n in (1, 2))
        torch.set_num_threads(1)        # a fork must not use the parent's thread pool
        if ranks > 1:
            os.environ['LOCAL_RANK'] = str(rank)
            dist.init_process_group('gloo', f'file://{meet}', rank=rank, world_size=ranks)
        mmengine.config.config.FormatCode = lambda text, **style: (text, False)     # takes 0.2 s
        code = 0
        try:
            target(rank)
        except SystemExit as stop:
            code = stop.code
        except BaseException:
            traceback.print_exc()
            code = 1
        os._exit(code)                  # as a launcher's processes do not wait for each other


def ranks_of(folder: Path, ranks: int, act: Callable | None = None, work: str = 'work',
             resume: Path | None = None, **changes: object) -> list[Rank]:
    """Train a toy in ``folder/work``, resumed as ``hourglass train`` resumes if there is a
    checkpoint to ``resume``. ``act(runner, moment)`` is called 'before' and 'after' each
    iteration, when 'validating', after a batch, when 'validated', and when the run is 'left', on
    every rank."""
    if torch.__version__ >= '2.1':       # process groups load it: once for all the forks
        dir(torch._dynamo.config)
    number = f'{work}{time.monotonic_ns()}'

    def target(rank: int) -> None:
        cfg = toy_runs.toy_config(folder / work, **{
            'launcher': 'pytorch' if ranks > 1 else 'none',
            'model_wrapper_cfg': dict(type='hourglass.DataParallel'),
            'default_hooks.stop': dict(type='hourglass.StopHook'),
            'default_hooks.finite_loss': dict(type='hourglass.FiniteLossHook'),
            'randomness': dict(seed=3),
            'train_cfg': dict(type='hourglass.EpochLoop', max_epochs=3, rank_timeout=20),
            'custom_hooks': [dict(type='NotesRates'), dict(type='Meddles')], **changes})
        if resume is not None:
            cfg.resume, cfg.load_from = True, str(resume)
            keep_global_batch(cfg, str(resume), ranks)
        if act is not None:
            Meddles.act = staticmethod(act)
        toy_runs.train(cfg)
    return [Rank(target, rank, ranks, folder, number) for rank in range(ranks)]


def ended(processes: list[Rank]) -> list[int]:
    """Wait for all; return their exit statuses."""
    return [process.wait() for process in processes]
