"""A config file with the command line merged in, and checks for mistakes that mmengine ignores."""
import argparse
import inspect
import os
import re
import sys
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.utils.dl_utils import set_multi_processing
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from hourglass.checkpoints.configs import read_config
from hourglass.cli.knobs import move_changes_of_file, move_options
from hourglass.engine.arguments import check_arguments
from hourglass.engine.processes import join_ranks
from hourglass.errors import ConfigError, did_you_mean

LOADER_SECONDS = 1800           # limit for a batch; data workers that take longer hang
_RUNNER_KEYS = set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'} | {
    # the runner reads these from the config itself
    'sync_bn', 'compile', 'activation_checkpointing', 'efficient_conv_bn_eval'}

_MMENGINE_HOOKS = {                     # it adds these unless they are None
    'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint'}
_PARAMWISE = ('custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult',
              'dwconv_decay_mult', 'flat_decay_mult', 'dcn_offset_lr_mult', 'bypass_duplicate')


def load_config(args: argparse.Namespace, join: bool = True) -> Config:
    """Return the config file with the arguments that runs have in common merged in.

    With ``join`` the processes of ``args.launcher`` form a process group. Raises ``ConfigError`` if
    the config cannot be loaded, or a setting would have no effect.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config)
    _refuse_misspelt_keys(cfg, args.config)
    for warning in move_changes_of_file(cfg, args.config, _is_helper):
        print(f'warning: {warning}', file=sys.stderr)
    _refuse_lost_options(cfg, args.cfg_options)
    move_options(cfg, args.cfg_options, _is_helper)
    cfg.merge_from_dict({key: value for key, value in args.cfg_options.items()
                         if not _is_helper(key.split('.')[0])})
    _leave_out_hooks(cfg)
    _refuse_unread_settings(cfg, args.config)
    try:
        check_arguments(cfg)
    except ConfigError as error:
        raise ConfigError(f'{args.config}: {error}') from None
    _settle_loaders(cfg)
    if args.show or args.show_dir:
        _show_overlays(cfg, args)
    if join:
        join_ranks(args.launcher)
    cfg.launcher = args.launcher if join else 'none'
    if args.work_dir or not cfg.get('work_dir'):
        cfg.work_dir = args.work_dir or os.path.join('work_dirs', Path(args.config).stem)
    return cfg


def _show_overlays(cfg: Config, args: argparse.Namespace) -> None:
    if 'visualization' not in (cfg.get('default_hooks') or {}):
        raise ConfigError(f'--show and --show-dir: {args.config} has no default_hooks.'
                          "visualization; they work with hourglass's and mmpose's own configs")
    if args.interval < 1:
        raise ConfigError(f'--interval {args.interval}: give 1 or more')
    cfg.default_hooks.visualization.update(
        enable=True, show=args.show, out_dir=args.show_dir, interval=args.interval,
        wait_time=args.wait_time)


def _leave_out_hooks(cfg: Config) -> None:
    """Remove hooks that are None, which mmengine cannot build; its own ones stay None for it."""
    hooks = cfg.get('default_hooks') or {}
    for name in hooks.keys() - _MMENGINE_HOOKS:
        if hooks[name] is None:
            del hooks[name]


def _settle_loaders(cfg: Config) -> None:
    """Give the loaders a limit for a batch; refuse one without samples or without its loop."""
    for kind in ('train', 'val', 'test'):
        name, loader = f'{kind}_dataloader', cfg.get(f'{kind}_dataloader') or {}
        missing = [part for part in (name, f'{kind}_cfg', f'{kind}_evaluator')
                   if cfg.get(part) is None]
        if kind != 'train' and len(missing) in (1, 2):
            raise ConfigError(f"{' and '.join(missing)}: missing or None; give {name}, {kind}_cfg "
                              f'and {kind}_evaluator, or set all three to None')
        size = loader.get('batch_size', 1)
        if not isinstance(size, int) or size < 1:
            raise ConfigError(f'{name}.batch_size is {size}: give a whole number, 1 or more')
        if (loader.get('dataset') or {}).get('indices') in (0, []):
            raise ConfigError(f'{name}.dataset.indices: leaves nobody; give how many people to '
                              'take, or their numbers')
        if not loader.get('num_workers'):               # torch's default
            loader['persistent_workers'] = False        # it refuses to keep no workers
        elif kind != 'train' or 'loader_timeout' not in (cfg.get('train_cfg') or {}):
            loader.setdefault('timeout', LOADER_SECONDS)


def _refuse_misspelt_keys(cfg: Config, path: str) -> None:
    """Raise an error for a key that mmengine would ignore: almost a runner's, and not used.

    Helper variables of a config stay in it, too; its text uses them.
    """
    for key in set(cfg) - _RUNNER_KEYS:
        near = [known for known in sorted(_RUNNER_KEYS)
                if known[0] == key[0] and _edits(key, known) <= 2]
        if near and not re.search(rf'\b{re.escape(key)}\b(?!["\']?\s*[=:])', cfg.text):
            raise ConfigError(f"{path}: unknown key '{key}', did you mean '{near[0]}'?")


def _refuse_unread_settings(cfg: Config, path: str) -> None:
    """Raise an error for a key of a dict that has no class, of which mmengine reads some keys."""
    clip = (cfg.get('optim_wrapper') or {}).get('clip_grad') or {}
    clipper = clip_grad_value_ if clip.get('type') == 'value' else clip_grad_norm_
    for place, known in (
            ('env_cfg', ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit')),
            ('env_cfg.mp_cfg', _arguments(set_multi_processing)),
            ('auto_scale_lr', ('enable', 'base_batch_size')),
            ('randomness', _arguments(Runner.set_randomness)),
            ('optim_wrapper.clip_grad', {'type', *_arguments(clipper)}),
            ('optim_wrapper.paramwise_cfg', _PARAMWISE)):
        here: Any = cfg
        for key in place.split('.'):
            here = (here or {}).get(key)
        for key in sorted(set(here or ()) - {'_scope_', *known}):
            hint = did_you_mean(key, known) or f"; there are {', '.join(sorted(known))}"
            raise ConfigError(f'{path}: nothing reads {place}.{key}{hint}')


def _arguments(function: Callable) -> set[str]:
    return set(inspect.signature(function).parameters) - {'self', 'parameters', 'distributed'}


def _is_helper(key: str) -> bool:
    return key not in _RUNNER_KEYS


def _edits(a: str, b: str) -> int:
    """Return how many letters must be inserted, removed or replaced between two words."""
    return sum(max(end_a - start_a, end_b - start_b) for step, start_a, end_a, start_b, end_b
               in SequenceMatcher(None, a, b).get_opcodes() if step != 'equal')


def _refuse_lost_options(cfg: Config, options: dict) -> None:
    """Raise an error for an option that nothing reads, or almost named like a key that is there.

    A key that is new in a dict with a class is checked with the class, in the merged config.
    """
    for option in options:
        first, *_ = keys = option.split('.')
        if not all(keys):
            raise ConfigError(f'--cfg-options {option}: a key is empty; give names or numbers '
                              'between the dots')
        if _is_helper(first) and first not in cfg:
            hint = did_you_mean(first, _RUNNER_KEYS | set(cfg))
            raise ConfigError(f"--cfg-options {option}: nothing reads '{first}' once the config is "
                              f'loaded{hint}')
        here: Any = cfg._cfg_dict
        for depth, key in enumerate(keys):
            if isinstance(here, list) and key.isdecimal() and int(key) < len(here):
                here = here[int(key)]
            elif isinstance(here, dict) and key in here:
                here = here[key]
            elif not isinstance(here, dict):
                raise ConfigError(f"--cfg-options {option}: the config has no '{key}' there, as "
                                  f"{'.'.join(keys[:depth])} is no dict of such a key")
            else:
                near = [known for known in map(str, here)
                        if known[:1] == key[0] and _edits(key, known) <= 2]
                if near and depth and not ('type' in here and depth == len(keys) - 1):
                    raise ConfigError(f"--cfg-options {option}: the config has no '{key}' there, "
                                      f"did you mean '{near[0]}'?")
                break
            if here is None:
                break
