"""The length of a run in epochs or in iterations, which everything else in a config follows."""
from mmengine.config import Config

from hourglass.errors import ConfigError

_LOOPS = {                              # unit -> the loop that resumes, and mmengine's
    'epoch': ('hourglass.EpochLoop', 'EpochBasedTrainLoop'),
    'iteration': ('hourglass.IterationLoop', 'IterBasedTrainLoop')}
_LENGTHS = dict(epoch='max_epochs', iteration='max_iters')
_COUNTS = ('begin', 'end', 'T_max', 'milestones', 'step_size', 'total_steps', 'periods')


def follow_loop(cfg: Config) -> None:
    """Give a run the loop that resumes exactly, and its hooks and schedules the unit of the loop.

    A run of iterations saves, validates and logs by iterations. A loop of another project is left
    as it is.

    Raises:
        ConfigError: if the length is missing, below 1 or given twice, or a schedule counts epochs
            in a run of iterations.
    """
    loop = cfg.train_cfg
    by_epoch, kind = loop.pop('by_epoch', None), loop.get('type')
    given = [unit for unit, names in _LOOPS.items() if kind in names or (
        kind is None and by_epoch is (unit == 'epoch'))] or [
        unit for unit, name in _LENGTHS.items() if kind is None and name in loop]
    if kind is not None and not given:
        return
    if len(given) != 1 or set(_LENGTHS.values()) <= set(loop) or (
            by_epoch is not None and by_epoch != (given == ['epoch'])):
        raise ConfigError(
            'train_cfg: counts both epochs and iterations; begin it anew, in a config with this '
            "one as _base_: train_cfg = dict(_delete_=True, type='hourglass.IterationLoop', "
            'max_iters=..., val_interval=...)'
            if loop else 'train_cfg: give max_epochs, or max_iters and val_interval')
    unit, = given
    loop.type = _LOOPS[unit][0]
    for name in (_LENGTHS[unit], 'val_interval'):
        value = loop.get(name, 1 if name == 'val_interval' else None)
        if not isinstance(value, int) or value < 1:
            raise ConfigError(f'train_cfg.{name} is {value}: give a whole number, 1 or more')
    schedules = cfg.get('param_scheduler') or []
    for place, schedule in enumerate(schedules if isinstance(schedules, list) else [schedules]):
        _follow(schedule, unit, f"param_scheduler.{place} ({schedule.get('type')})")
    if unit == 'iteration':
        hooks = cfg.get('default_hooks') or {}
        checkpoint, logger = hooks.get('checkpoint'), hooks.get('logger')
        if checkpoint is not None and checkpoint.get('by_epoch', True):
            checkpoint.update(by_epoch=False, interval=loop.get('val_interval', 1000))
        if logger is not None:
            logger['log_metric_by_epoch'] = False
        cfg.merge_from_dict({'log_processor.by_epoch': False})


def _follow(schedule: dict, unit: str, name: str) -> None:
    """Let a schedule over a whole run follow its iterations; refuse one that counts epochs."""
    converted = schedule.get('convert_to_iter_based', False)
    if not schedule.get('by_epoch', True):
        if converted:
            raise ConfigError(f'{name}: convert_to_iter_based is for by_epoch=True; leave it out')
    elif unit == 'iteration':
        counts = [key for key in _COUNTS if schedule.get(key)]
        if counts or not converted:
            raise ConfigError(
                f"{name}: follows epochs{f' ({counts[0]})' if counts else ''}, and train_cfg "
                'counts iterations; set by_epoch=False, and its steps in iterations')
        del schedule['convert_to_iter_based']
        schedule['by_epoch'] = False
