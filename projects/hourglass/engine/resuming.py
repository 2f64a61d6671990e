"""What a resumed run takes from its config, and what from its checkpoint.

mmengine restores rates, decay and schedules with the state of the optimiser, so that a new learning
rate or a longer run changes nothing. Here the checkpoint gives the weights, the optimiser's moments
and the position; the config gives everything else.
"""
from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from typing import Any

from mmengine.config import Config
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from mmengine.runner import Runner

from hourglass.checkpoints.reading import read_checkpoint
from hourglass.errors import ConfigError

_COMPARED = ('model', 'optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader',
             'val_dataloader', 'val_evaluator', 'randomness', 'default_hooks', 'custom_hooks')
_REFUSED = {                            # keys that a checkpoint cannot be resumed with another of
    'optim_wrapper.optimizer.type': 'the state is that of another optimiser',
    'optim_wrapper.paramwise_cfg*': 'the state is that of other groups of parameters',
    'train_cfg.type': 'epochs and iterations have other positions'}
_IGNORED = {
    'model.*init_cfg*': "the weights are the checkpoint's",
    'model.*heatmap_std': "the weights are the checkpoint's",
    'randomness.seed': "the seed is the checkpoint's"}
# with another of these, scores cannot be compared, or another one is the best
_SCORING = 'val_evaluator*', 'val_dataloader.dataset*', 'model.test_cfg*'
_BEST = 'default_hooks.checkpoint.save_best', 'default_hooks.checkpoint.rule'
_PLACES = '*.data_root', '*.data_prefix*'       # where the same files may lie
_SCHEDULING = ('optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader')


def keep_global_batch(cfg: Config, checkpoint: str, ranks: int) -> None:
    """Let ``ranks`` processes share the steps of a checkpoint's run, which may have had others.

    The images of a step, and with them the order of samples, rates and accumulation, stay. A batch
    size in the config that is not the checkpoint's is left as it is. Raises ``ConfigError`` if the
    processes cannot share a batch equally.
    """
    position = read_checkpoint(checkpoint).get('meta', {}).get('position', {})
    before, batch = position.get('ranks', ranks), position.get('batch')
    loader = cfg.train_dataloader
    if before == ranks or before * loader.batch_size != batch:
        return
    if batch % ranks:
        shares = [str(count) for count in range(1, batch + 1) if batch % count == 0]
        raise ConfigError(
            f'{checkpoint}: its {before} processes share batches of {batch} images, which {ranks} '
            f"cannot; start {', '.join(shares)}, or change train_dataloader.batch_size to go on "
            'with other batches')
    loader.batch_size = batch // ranks


def take_settings(runner: Runner, checkpoint: dict, path: str) -> None:
    """Give a checkpoint that is about to be resumed the hyperparameters of the run's config.

    They replace those in ``checkpoint``, with the schedules where they would be at this step, if
    the config, or the length of an epoch, is not that of the checkpoint. Best scores begin anew if
    the config measures or chooses others. What differs is logged.

    Raises:
        ConfigError: for a difference with which the optimiser's state, or the position, is
            meaningless, or a schedule that depends on earlier scores.
    """
    meta = checkpoint['meta']
    saved, length = meta.get('cfg'), len(runner.train_dataloader)
    changes = list(differences(settings(saved), settings(runner.cfg.pretty_text))
                   ) if isinstance(saved, str) else []
    here = runner.train_loop.position(meta)
    position, lines = meta.get('position') or here, []          # mmengine's hook notes none
    if position.get('batch', here['batch']) != here['batch']:
        lines.append(f"  taken    images of an iteration: {position['batch']} -> {here['batch']}")
    elif position.get('ranks', here['ranks']) != here['ranks']:
        lines.append(f"  shared  batches of {here['batch']} by {here['ranks']} processes, before "
                     f"by {position['ranks']}")
        changes = [change for change in changes if change[0] != 'train_dataloader.batch_size']
    for key, old, new in changes:
        if why := _matching(_REFUSED, key):
            raise ConfigError(f'{path}: cannot be resumed with another {key} ({old} there, {new} '
                              f'here), as {why}; restore it, or start anew from the weights, with '
                              'load_from instead of --resume')
        why = _matching(_IGNORED, key)
        lines.append(f"  {'ignored' if why else 'taken  '}  {key}: {old} -> {new}"
                     f"{f' ({why})' if why else ''}")
    if _forget_scores(checkpoint, [key for key, _, _ in changes]):
        lines.append('  anew     best scores, which are not those of this config')
    if lines:
        runner.logger.warning('\n'.join([f'{path}: another config than that of this run', *lines]))
    if position['batches_per_epoch'] != length or any(
            key.split('.')[0] in _SCHEDULING for key, _, _ in changes):
        _renew(runner, checkpoint, meta['epoch'], position['batches_done'], length)


def _forget_scores(checkpoint: dict, changed: Iterable[str]) -> bool:
    """Remove the best scores from a checkpoint if those of the changed settings are others.

    Returns whether there were any.
    """
    keys = [key for key in changed if not _any([key], _PLACES)]
    runtime = checkpoint.get('message_hub', {}).get('runtime_info', {})
    hooks = checkpoint['meta'].get('hooks', {})
    stale: list[tuple[dict, str]] = []
    if _any(keys, (*_SCORING, *_BEST)):
        stale += ((runtime, name) for name in runtime
                  if name.startswith(('best_score', 'best_ckpt')))
    if _any(keys, _SCORING):
        stale += ((hooks, name) for name in hooks if name.startswith('EarlyStoppingHook'))
    for known, name in stale:
        del known[name]
    return bool(stale)


def _renew(runner: Runner, checkpoint: dict, epochs: int, batches: int, length: int) -> None:
    """Replace rates and schedules in a checkpoint by those of the runner, moved to a position."""
    schedules, wrapper = runner.param_schedulers or [], runner.optim_wrapper
    if follows_scores(schedules):
        raise ConfigError('param_scheduler: one that follows scores cannot be resumed with another '
                          'config; restore it, or start anew from the weights with load_from')
    for _ in walk(schedules, epochs, epochs * length + batches, length):
        pass
    checkpoint['param_schedulers'] = [schedule.state_dict() for schedule in schedules]
    state, groups = checkpoint['optimizer'], wrapper.optimizer.param_groups
    state['param_groups'] = [dict(group, params=saved['params'])
                             for group, saved in zip(groups, state['param_groups'])]
    state['base_param_settings'] = wrapper.base_param_settings      # mmengine's own, where logged
    runner.logger.info('learning rate at this step of the schedules: '
                       f"{', '.join(sorted({format(g['lr'], '.4g') for g in groups}))}")


def walk(schedules: Sequence[_ParamScheduler], epochs: int, iterations: int, length: int
         ) -> Iterator[int]:
    """Move schedules from their first step on, as a run does; yield the number of each step done.

    An epoch has ``length`` iterations; ``epochs`` is how many of them are finished.
    """
    with warnings.catch_warnings():         # that no optimiser has stepped
        warnings.simplefilter('ignore')
        for step in range(1, iterations + 1):
            ended = step % length == 0 and step // length <= epochs
            for by_epoch in (False, True) if ended else (False,):
                for schedule in schedules:
                    if schedule.by_epoch is by_epoch:
                        schedule.step()
            yield step


def follows_scores(schedules: Sequence[_ParamScheduler]) -> bool:
    return any(getattr(schedule, 'need_val_args', False) for schedule in schedules)


def settings(text: str) -> dict:
    """Read the text of a config, as mmengine writes it, without running it.

    A value that is no literal stays text.
    """
    values = {}
    for line in ast.parse(text).body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            node = _Literals().visit(line.value)
            try:
                values[line.targets[0].id] = ast.literal_eval(node)
            except ValueError:
                values[line.targets[0].id] = ast.unparse(node)
    return values


class _Literals(ast.NodeTransformer):
    """Turns ``dict(a=1)`` into ``{'a': 1}``."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Name) or node.func.id != 'dict' or node.args:
            return node
        return ast.Dict([ast.Constant(word.arg) for word in node.keywords],
                        [word.value for word in node.keywords])


def differences(old: dict, new: dict) -> Iterator[tuple[str, Any, Any]]:
    """Yield key, old and new value of the settings of training that differ; 'none' if missing."""
    before, after = (dict(leaf for key in _COMPARED for leaf in _leaves(cfg.get(key), key))
                     for cfg in (old, new))
    for key in sorted(before.keys() | after.keys()):
        values = before.get(key, 'none'), after.get(key, 'none')
        if values[0] != values[1]:
            yield key, *values


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f'{key}.{name}')
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for place, item in enumerate(value):
            yield from _leaves(item, f'{key}.{place}')
    else:
        yield key, value


def _matching(rules: dict[str, str], key: str) -> str | None:
    return next((why for pattern, why in rules.items() if fnmatch(key, pattern)), None)


def _any(keys: Iterable[str], patterns: Sequence[str]) -> bool:
    return any(fnmatch(key, pattern) for key in keys for pattern in patterns)
