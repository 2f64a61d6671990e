"""Test a network cut after each stack, and with early exit as soon as two stacks agree."""
import argparse
from dataclasses import asdict
from pathlib import Path

from hourglass.cli.arguments import add_run_arguments
from hourglass.errors import ConfigError
from hourglass.io.files import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file, or the name of weights')
    parser.add_argument('--tolerances', type=float, nargs='*', default=[0.5, 1, 1.5, 2, 3],
                        help='heatmap px (default %(default)s)')
    parser.add_argument('--optimize', default='fuse', help='fuse (default) or ncnn')
    parser.add_argument('--scores', nargs='+', metavar='METRIC/NAME',
                        help="columns of the table; default those of the config's first metric")
    parser.add_argument('--plot', type=Path, help='draw them to this file')
    parser.add_argument('--json', type=Path, help='write all numbers to this file')


def run(args: argparse.Namespace) -> None:
    from hourglass.analysis import exits
    from hourglass.analysis.machine import machine
    from hourglass.checkpoints.names import checked_checkpoint
    from hourglass.cli.config import load_config
    from hourglass.io.figures import save_figure
    if args.launcher != 'none':
        raise ConfigError('--launcher: the exits are measured by one process; leave it out')
    cfg = load_config(args)
    cfg.load_from = checked_checkpoint(args.checkpoint)
    scores = exits.score_names(cfg, args.scores)
    found = exits.measure_exits(cfg, args.tolerances, args.optimize, scores)
    scores = scores or list(found[0].scores)
    print(exits.table(found, scores))
    if args.plot:
        save_figure(exits.plot(found, scores), args.plot)
    if args.json:
        numbers = dict(machine=machine(), exits=[asdict(way) for way in found])
        write_json(args.json, numbers, indent=1)
