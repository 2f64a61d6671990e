"""A config file with the command line merged in, and the mistakes that mmengine would ignore."""
import argparse
import inspect
import os
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from hourglass.engine.processes import join_ranks
from hourglass.errors import ConfigError, did_you_mean

LOADER_SECONDS = 1800           # for a batch; data workers that take longer hang


def load_config(args: argparse.Namespace, join: bool = True) -> Config:
    """The config file with the common arguments merged in.

    Args:
        args: of :func:`add_run_arguments`.
        join: the processes of ``args.launcher`` meet; else each goes its own way.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if not Path(args.config).is_file():
        raise ConfigError(f'{args.config}: no such config file')
    try:
        cfg = Config.fromfile(args.config)
    except Exception as error:          # a typo in a config can raise anything, it is Python
        raise ConfigError(f'{args.config}: {type(error).__name__}: '
                          f"{' '.join(str(error).split())}") from None
    _refuse_misspelt_keys(cfg, args.config)
    _refuse_lost_options(cfg, args.cfg_options)
    cfg.merge_from_dict(args.cfg_options)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if (cfg.get(name) or {}).get('num_workers') == 0:
            cfg[name].persistent_workers = False        # torch refuses to keep no workers
        elif cfg.get(name):
            cfg[name].setdefault('timeout', LOADER_SECONDS)
    if join:
        join_ranks(args.launcher)
    cfg.launcher = args.launcher if join else 'none'
    if args.work_dir or not cfg.get('work_dir'):
        cfg.work_dir = args.work_dir or os.path.join('work_dirs', Path(args.config).stem)
    if args.show or args.show_dir:
        cfg.default_hooks.visualization.update(
            enable=True, show=args.show, out_dir=args.show_dir, interval=args.interval,
            wait_time=args.wait_time)
    return cfg


_RUNNER_KEYS = set(inspect.signature(Runner.__init__).parameters) - {'self'} | {
    # what the runner looks up in the config itself
    'sync_bn', 'compile', 'activation_checkpointing', 'efficient_conv_bn_eval'}


def _refuse_misspelt_keys(cfg: Config, path: str) -> None:
    """mmengine ignores a key it does not know, and with it what the user meant."""
    for key in set(cfg) - _RUNNER_KEYS:
        hint = did_you_mean(key, _RUNNER_KEYS)
        if hint:
            raise ConfigError(f"{path}: unknown key '{key}'{hint}")


def _refuse_lost_options(cfg: Config, options: dict) -> None:
    """An option that nothing reads, or below a key that is not there, would change nothing."""
    for option in options:
        first = option.split('.')[0]
        if first not in _RUNNER_KEYS:
            hint = did_you_mean(first, _RUNNER_KEYS) or (
                '; change the places that use it, such as model.head.decoder or '
                'train_dataloader.dataset.pipeline.N')
            raise ConfigError(f"--cfg-options {option}: nothing reads '{first}' once the config is "
                              f'loaded{hint}')
        here = cfg._cfg_dict
        for key in option.split('.')[:-1]:
            if isinstance(here, list) and key.isdigit() and int(key) < len(here):
                here = here[int(key)]
            elif isinstance(here, dict) and key in here:
                here = here[key]
            else:
                hint = did_you_mean(key, here if isinstance(here, dict) else ())
                raise ConfigError(f"--cfg-options {option}: the config has no '{key}' there{hint}")
