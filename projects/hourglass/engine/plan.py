"""What a run is going to train, in a few lines, before it begins."""
from collections import defaultdict
from collections.abc import Iterable

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from hourglass.engine.budget import TimeBudgetHook
from hourglass.engine.distributed import unwrapped
from hourglass.engine.loops import EpochLoop
from hourglass.engine.resuming import follows_scores, walk
from hourglass.engine.saving import SafeCheckpointHook


def describe(runner: Runner, work_dir: str) -> str:
    """Return the plan of a run that is about to begin, whose files go to ``work_dir``."""
    model = unwrapped(runner.model)
    rows = [('network', f'{type(model).__name__}, {_count(model.parameters())} parameters'),
            *(('trained', line) for line in _groups(runner, model))]
    still = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    if still:
        rows.append(('frozen', f'{_count(p for p in model.parameters() if not p.requires_grad)} of '
                     f'{_parts(still)}'))
    fixed = [name for name, module in model.train().named_modules()
             if isinstance(module, _BatchNorm) and not module.training]
    if fixed:
        rows.append(('statistics', f'fixed in {len(fixed)} layers of {_parts(fixed)}'))
    rows += [('schedule', _schedule(runner)), ('people', _people(runner)),
             ('steps', _steps(runner)), ('begins', _begin(runner)),
             *(('checkpoints', _saving(hook, work_dir)) for hook in runner.hooks
               if isinstance(hook, SafeCheckpointHook))]
    return '\n'.join(f'{name:<12} {text}' for name, text in rows)


def rates(runner: Runner) -> list[float]:
    """Return the learning rate of every step of the whole run, of a parameter at the base rate."""
    base = runner.optim_wrapper.optimizer.defaults['lr']
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=base)
    schedules = runner._build_param_scheduler(
        runner.cfg.get('param_scheduler') or [], OptimWrapper(optimizer))
    length = len(runner.train_dataloader)
    epochs = runner.max_epochs if isinstance(runner.train_loop, EpochLoop) else 0
    group, found = optimizer.param_groups[0], []
    found.append(group['lr'])
    for _ in walk(schedules, epochs, (epochs * length or runner.max_iters) - 1, length):
        found.append(group['lr'])
    return found


def _schedule(runner: Runner) -> str:
    if _has_budget(runner):
        return 'the learning rate follows the clock to zero'
    if follows_scores(runner.param_schedulers or []):
        return 'the learning rate follows the scores of the validations'
    steps = rates(runner)
    highest = max(range(len(steps)), key=steps.__getitem__)
    loop, done = runner.train_loop, runner.iter
    if isinstance(loop, EpochLoop):     # earlier epochs may have had another length
        done = loop.epoch * len(loop.dataloader) + done - loop.first_iter
    begin = f', {steps[min(done, len(steps) - 1)]:.4g} where it goes on' if done else ''
    return (f'learning rate {steps[0]:.4g} at the first step{begin}, {steps[highest]:.4g} at its '
            f'highest (step {highest + 1}), {steps[-1]:.4g} at the last')


def _groups(runner: Runner, model: nn.Module) -> list[str]:
    """Return a line for each rate and decay, with the parts of the model that have them."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    members: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for group in runner.optim_wrapper.optimizer.param_groups:
        key = group.get('initial_lr', group['lr']), group.get('weight_decay', 0)
        members[key] += [p for p in group['params'] if p.requires_grad]
    return [f'{_count(parameters)} at a rate of {rate:.4g} and a decay of {decay:.4g}: '
            f'{_parts(names[p] for p in parameters)}'
            for (rate, decay), parameters in sorted(members.items(), reverse=True) if parameters]


def _people(runner: Runner) -> str:
    batch = runner.cfg.train_dataloader.get('batch_size')
    more = [f'{count} {name}' for count, name in (
        (runner.world_size, 'processes'),
        (runner.optim_wrapper._accumulative_counts, 'batches accumulated')) if count > 1]
    validated = (f', {len(runner.val_dataloader.dataset)} to validate'
                 if runner.val_loop is not None else '; none to validate')
    return (f'{len(runner.train_dataloader.dataset)} to train{validated}; batches of '
            f"{' x '.join([str(batch), *more])}")


def _steps(runner: Runner) -> str:
    length, loop = len(runner.train_dataloader), runner.train_loop
    if isinstance(loop, EpochLoop):
        steps, unit = f'{runner.max_epochs} epochs of {length:,}', 'epoch(s)'
        total = f'{runner.max_epochs * length:,}: '
    else:
        steps, unit = f'{runner.max_iters / length:.3g} passes of {length:,}', 'steps'
        total = f'{runner.max_iters:,}: '
    if _has_budget(runner):
        steps, total = f'as many as the time allows; a pass has {length:,}', ''
    elif runner.val_loop is not None:
        steps += f'; validated every {loop.val_interval:,} {unit}'
    return total + steps


def _has_budget(runner: Runner) -> bool:
    return any(isinstance(hook, TimeBudgetHook) for hook in runner.hooks)


def _begin(runner: Runner) -> str:
    if runner._resume:
        return f'{runner._load_from}, after epoch {runner.epoch}, step {runner.iter:,}'
    return f'weights of {runner._load_from}' if runner._load_from else 'initial weights'


def _saving(hook: SafeCheckpointHook, work_dir: str) -> str:
    unit = 'epoch(s)' if hook.by_epoch else 'steps'
    kept = f'the last {hook.max_keep_ckpts}' if hook.max_keep_ckpts > 0 else 'all'
    every = f'every {hook.interval} {unit}, {kept} kept' if hook.interval > 0 else 'the last alone'
    best = f"; the best by {', '.join(hook.key_indicators)}" if hook.save_best else ''
    return f'{work_dir}: {every}{best}'


def _count(parameters: Iterable[nn.Parameter]) -> str:
    return f'{sum(parameter.numel() for parameter in parameters):,}'


def _parts(names: Iterable[str]) -> str:
    """Return the parts of a model that tensors belong to, two levels deep."""
    return ', '.join(dict.fromkeys('.'.join(name.split('.')[:2]) for name in names))
