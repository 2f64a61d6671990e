"""Training for a given number of minutes; the learning rate reaches zero at the end."""
import math
import time

import torch
from mmengine.config import Config
from mmengine.dist import broadcast
from mmengine.hooks import Hook
from mmengine.runner import Runner

from hourglass.engine.loops import IterationLoop
from hourglass.errors import ConfigError
from hourglass.registry import HOOKS

_UNKNOWN = 1_000_000                    # iterations, until the first ones have been timed


def train_for(cfg: Config, minutes: float) -> None:
    """Change the config of a run, however it trains, to one of ``minutes``.

    :func:`hourglass.engine.lengths.follow_loop` then makes its log follow the iterations.

    The learning rate rises over the first 200 iterations, or a tenth of the time if that is less,
    and then falls along a cosine of the time. Checkpoints are written every 500 iterations, and the
    weights are validated once, at the end; ``last_checkpoint`` names the last ones.

    Raises:
        ConfigError: for no time at all, no checkpoints, or a sampler whose epochs are needed.
    """
    if not 0 < minutes < math.inf:
        raise ConfigError(f'--minutes {minutes:g}: give more than 0')
    if (cfg.get('default_hooks') or {}).get('checkpoint') is None:
        raise ConfigError('--minutes: nothing would be saved; set default_hooks.checkpoint')
    sampler = cfg.train_dataloader.sampler
    if sampler.type not in ('DefaultSampler', 'InfiniteSampler'):
        raise ConfigError(f"--minutes: train_dataloader.sampler.type='{sampler.type}' needs epochs;"
                          ' such a run cannot end in the middle of one')
    sampler.type = 'InfiniteSampler'
    sampler.pop('round_up', None)
    cfg.train_cfg = dict(
        {name: value for name, value in cfg.train_cfg.items() if name.endswith('_timeout')},
        type='hourglass.IterationLoop', max_iters=_UNKNOWN, val_interval=_UNKNOWN)
    cfg.param_scheduler = []
    cfg.default_hooks.budget = dict(type='hourglass.TimeBudgetHook', minutes=minutes)
    cfg.default_hooks.checkpoint.update(by_epoch=False, interval=500)
    cfg.default_hooks.checkpoint.pop('save_best', None)


@HOOKS.register_module()
class TimeBudgetHook(Hook):
    """Hook that ends a run of iterations in time, with its learning rate at zero.

    The rate follows the time that has passed instead of the iterations, so that nothing has to be
    known about the machine's speed. The time of a resumed run includes that before its checkpoint.
    All ranks follow the clock of the first.

    Args:
        minutes: from the beginning of training to the end of the last iteration.
        warmup: iterations over which the learning rate rises linearly, or fewer if they take more
            than a tenth of the time.
    """

    priority = 'HIGHEST'                # sets the rate before it is logged

    def __init__(self, minutes: float, warmup: int = 200):
        self.seconds, self.warmup = 60 * minutes, warmup

    def before_train(self, runner: Runner) -> None:
        if not isinstance(runner.train_loop, IterationLoop):
            raise ConfigError("TimeBudgetHook: needs train_cfg.type='hourglass.IterationLoop'")
        used = runner.message_hub.runtime_info.get('seconds_used', 0)
        self.began, self.first_iter = time.monotonic() - used, runner.iter
        self.used = self.used_before = used
        if used >= self.seconds:        # a finished run, whose last validation may be missing
            runner.train_loop._max_iters = runner.iter
        for group in runner.optim_wrapper.param_groups:
            group.setdefault('initial_lr', group['lr'])

    def before_train_iter(self, runner: Runner, **step: object) -> None:
        share = self.used / self.seconds
        rise = min(1, max((runner.iter + 1) / self.warmup, 10 * share))
        fall = (1 + math.cos(math.pi * min(1, share))) / 2
        for group in runner.optim_wrapper.param_groups:
            group['lr'] = group['initial_lr'] * rise * fall

    def after_train_iter(self, runner: Runner, **step: object) -> None:
        used = torch.tensor(time.monotonic() - self.began)
        broadcast(used)
        self.used = used.item()
        runner.message_hub.update_info('seconds_used', self.used)
        done = runner.iter + 1
        pace = (self.used - self.used_before) / (done - self.first_iter)
        left = math.ceil((self.seconds - self.used) / pace)
        runner.train_loop._max_iters = done + max(0, left)      # the loop ends there, and logs it
