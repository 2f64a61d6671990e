"""Arguments that several subcommands share, named as in mmpose's tools where it has them."""
from __future__ import annotations

import argparse
from typing import Any

from hourglass.engine.processes import LAUNCHERS
from hourglass.errors import ConfigError


class _DictAction(argparse.Action):
    """mmengine's ``DictAction``, imported when it has something to do; texts keep their spaces."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: Any, *option: Any) -> None:
        from mmengine.config import DictAction
        for value in values:
            if '=' not in value:
                parser.error(f'--cfg-options {value}: no KEY=VALUE; a config comes before the '
                             'options')
        DictAction(self.option_strings, self.dest, nargs='+')(parser, namespace, values, *option)
        parsed = getattr(namespace, self.dest)
        for value in values:
            key, text = value.split('=', maxsplit=1)
            if isinstance(parsed[key], str):
                parsed[key] = text.strip('\'" ')


def add_launcher_arguments(parser: argparse._ActionsContainer) -> None:
    """Add how the processes of a distributed run are started."""
    parser.add_argument('--launcher', choices=['none', *LAUNCHERS], default='none',
                        help='how the processes of a distributed run are started')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help='given by the launcher')


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and testing have in common."""
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='where logs and checkpoints go; '
                        'default work_dirs/NAME of the config')
    parser.add_argument('--show-dir', help='folder for images with predicted skeletons')
    parser.add_argument('--show', action='store_true', help='show those images in a window')
    parser.add_argument('--interval', type=int, default=1, help='draw every N-th person',
                        metavar='N')
    parser.add_argument('--wait-time', type=float, default=1, help='seconds a window stays')
    parser.add_argument('--cfg-options', nargs='+', action=_DictAction, default={},
                        metavar='KEY=VALUE', help='change the config, e.g. train_cfg.max_epochs=2')
    add_launcher_arguments(parser)


def add_detector_argument(parser: argparse._ActionsContainer, help: str | None = None) -> None:
    """Add the name of a detector; without one it is that of the package."""
    parser.add_argument('--detector', metavar='NAME', nargs='?', const='hourglass', help=help)


def add_speed_arguments(parser: argparse._ActionsContainer) -> None:
    """Add how the network is run, and how much of it, for tools that predict."""
    parser.add_argument('--optimize', metavar='HOW', default='none',
                        help='what runs the network: auto (measure), none, fuse, ncnn, '
                        'onnxruntime, openvino, compile, bf16')
    parser.add_argument('--stages', type=int, metavar='N',
                        help='run the first N stacks alone, and predict from the last of these')
    parser.add_argument('--exit-tolerance', type=float, metavar='PX',
                        help='stop after the stack where no keypoint of a person moved by more '
                        'than this, px of the heatmaps')


def speed_options(args: argparse.Namespace) -> dict:
    """Return the arguments for :func:`hourglass.deploy.runtimes.optimized`, empty without any.

    Raises ``ConfigError`` if no stack is left, or processes would differ.
    """
    if args.stages is not None and args.stages < 1:
        raise ConfigError(f'--stages {args.stages}: give 1 or more')
    options = dict(optimize=args.optimize, stage=None if args.stages is None else args.stages - 1,
                   exit_tolerance=args.exit_tolerance)
    if args.optimize == 'auto' and args.launcher != 'none':
        raise ConfigError('--optimize auto: each process may find another runtime to be the '
                          'fastest; name one, such as fuse')
    return {} if options == dict(optimize='none', stage=None, exit_tolerance=None) else options
