"""What the command line tools share: arguments of mmpose's tools, and errors in one line."""
import argparse
import errno
import inspect
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from hourglass.deploy.runtimes import RUNTIMES
from hourglass.engine.processes import add_launcher_arguments, join_ranks
from hourglass.errors import ConfigError, HourglassError, did_you_mean


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that training and testing have in common, named as in mmpose's tools."""
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='where logs and checkpoints go; '
                        'default work_dirs/FOLDER/NAME of the config')
    parser.add_argument('--show-dir', help='folder for images with predicted skeletons')
    parser.add_argument('--show', action='store_true', help='show those images in a window')
    parser.add_argument('--interval', type=int, default=1, help='of the people shown')
    parser.add_argument('--wait-time', type=float, default=1, help='seconds a window stays')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={},
                        metavar='KEY=VALUE', help='change the config, e.g. train_cfg.max_epochs=2')
    add_launcher_arguments(parser)


def add_speed_arguments(parser: argparse._ActionsContainer) -> None:
    """How the network is run and how much of it, for tools that predict."""
    parser.add_argument('--optimize', metavar='HOW', default='none',
                        help=f"what runs the network: auto (measure), {', '.join(RUNTIMES)}")
    parser.add_argument('--stages', type=int, metavar='N',
                        help='run the first N stacks alone, and predict from the last of these')
    parser.add_argument('--exit-tolerance', type=float, metavar='PX',
                        help='let each person leave the network as soon as no keypoint moves by '
                        'more than this between two stacks, px of the heatmaps')


def speed_options(args: argparse.Namespace) -> dict:
    """What these arguments mean for :func:`hourglass.deploy.optimize.optimized`; empty: nothing.

    Raises:
        ConfigError: if no stack is left, or processes would not do the same.
    """
    if args.stages is not None and args.stages < 1:
        raise ConfigError(f'--stages {args.stages}: give 1 or more')
    options = dict(optimize=args.optimize, stage=None if args.stages is None else args.stages - 1,
                   exit_tolerance=args.exit_tolerance)
    if args.optimize == 'auto' and args.launcher != 'none':
        raise ConfigError('--optimize auto: each process may find another to be the fastest; name '
                          'one, such as fuse')
    return {} if options == dict(optimize='none', stage=None, exit_tolerance=None) else options


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
        config = Path(args.config).resolve()            # the same name stands in several folders
        cfg.work_dir = args.work_dir or os.path.join('work_dirs', config.parent.name, config.stem)
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


# what is wrong with a disk or a folder, and no defect of a program
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with one line for what the user can mend; show the rest in full."""
    try:
        yield
    except BrokenPipeError:             # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except HourglassError as error:
        # out of a data worker it comes with the worker's traceback before its own words
        sys.exit(f'error: {_last_line(error)}')
    except OSError as error:
        if error.errno not in _DISK:
            raise
        sys.exit(f"error: {error.filename or 'a file'}: cannot be written ({error.strerror}); "
                 'choose a folder you may write to, with free space')
    except KeyError as error:
        match = re.search(r'([\w.]+) is not in the (.+?) registry', str(error))
        if not match:
            raise
        sys.exit(f"error: the config names type '{match[1]}', which the registry {match[2]} "
                 'does not know; check its spelling and custom_imports')
    except RuntimeError as error:
        if not re.match(r'DataLoader (worker \(pid|timed out)', str(error)):
            raise
        words = ' '.join(str(error).split())
        sys.exit(f"error: {words.rstrip('. ')}: a data worker was lost or hangs (memory? a slow "
                 'disk?); try fewer num_workers')
    except TypeError as error:
        match = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'",
                          str(error))
        if not match:
            raise
        sys.exit(f"error: the config gives {match[1]} an argument '{match[2]}' it does not have")


def _last_line(error: Exception) -> str:
    line = str(error).strip().splitlines()[-1]
    return re.sub(r'^[\w.]+Error: ', '', line)
