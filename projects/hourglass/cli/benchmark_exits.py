"""Test a network cut behind each stack, and left by each person as soon as two stacks agree."""
import argparse
import json
from dataclasses import asdict
from pathlib import Path

from hourglass.analysis.exits import Exit, measure_exits, plot_exits
from hourglass.analysis.machine import machine
from hourglass.checkpoints.names import checked_checkpoint
from hourglass.cli.arguments import add_run_arguments
from hourglass.cli.config import load_config
from hourglass.errors import ConfigError
from hourglass.io.files import replacing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file, or the name of weights')
    parser.add_argument('--tolerances', type=float, nargs='*', default=[0.5, 1, 1.5, 2, 3],
                        help='px of the heatmaps (default %(default)s)')
    parser.add_argument('--optimize', default='fuse', help='fuse (default) or ncnn')
    parser.add_argument('--scores', nargs='+', default=['flic/Elbow', 'flic/Wrist'],
                        help='shown, by the names of the metric (default %(default)s)')
    parser.add_argument('--plot', type=Path, help='draw them to this file')
    parser.add_argument('--json', type=Path, help='write all of it to this file')


def line(exit_: Exit, scores: list[str]) -> str:
    how = (f'first {exit_.stages} for all' if exit_.tolerance is None else
           f'until two agree within {exit_.tolerance:g} px')
    return ' | '.join([
        f'| {how}', f'{exit_.stacks:.2f}', f'{exit_.macs / 1e9:.3f}', f'{100 * exit_.saved:.1f}',
        f'{1000 * exit_.seconds:.1f}', *(f'{exit_.scores[score]:.2f}' for score in scores)]) + ' |'


def run(args: argparse.Namespace) -> None:
    if args.launcher != 'none':
        raise ConfigError('--launcher: the exits are measured by one process; leave it out')
    checkpoint, cfg = checked_checkpoint(args.checkpoint), load_config(args)
    cfg.load_from = checkpoint
    found = measure_exits(cfg, args.tolerances, args.optimize)
    if missing := set(args.scores) - set(found[0].scores):
        raise ConfigError(f"--scores {min(missing)}: the metric gives "
                          f"{', '.join(found[0].scores)}")
    titles = ['', 'stacks an image', 'GMACs', 'of the stacks saved, %', 'ms', *args.scores]
    print(f"| {' | '.join(titles)} |", '|---' * len(titles) + '|',
          *(line(exit_, args.scores) for exit_ in found), sep='\n')
    if args.plot:
        plot_exits(found, args.scores, args.plot)
    if args.json:
        with replacing(args.json) as draft:
            draft.write_text(json.dumps(
                dict(machine=machine(), exits=[asdict(exit_) for exit_ in found]), indent=1))
