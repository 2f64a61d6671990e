"""Measure accuracy on a test set against the time of an image, beside networks of others."""
import argparse
from dataclasses import asdict
from pathlib import Path

from hourglass.errors import ConfigError
from hourglass.io.files import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('networks', nargs='*', metavar='NETWORK', help='names of networks with '
                        'weights, or CONFIG,WEIGHTS; each is scored on the test set of its config')
    parser.add_argument('--scores', nargs='+', default=['Total'], metavar='NAME',
                        help="of the config's first metric, such as Elbow (default Total)")
    parser.add_argument('--optimize', nargs='+', default=['none'], metavar='HOW',
                        choices=['none', 'fuse', 'ncnn', 'onnxruntime', 'openvino', 'compile'],
                        help='ways to run them, which give the same scores: none (plain torch, the '
                        'default), fuse, ncnn, onnxruntime, openvino, compile')
    parser.add_argument('--others', type=Path, metavar='FILE', help='JSON file of ONNX files to '
                        'measure as well, and of numbers that others report (docs/faster.md)')
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2],
                        help='default %(default)s')
    parser.add_argument('--no-flip', action='store_true', help='leave out the averages with the '
                        'mirrored image')
    parser.add_argument('--rounds', type=int, default=20, help='turns (default %(default)s)')
    parser.add_argument('--plot', type=Path, metavar='OUT', help='draw them to this file')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write the numbers to this file')


def run(args: argparse.Namespace) -> None:
    from mmengine.logging import MMLogger

    from hourglass.analysis import accuracy_speed
    from hourglass.analysis.machine import described, machine
    from hourglass.io.figures import save_figure
    if args.rounds < 2:
        raise ConfigError(f'--rounds {args.rounds}: give 2 or more')
    if min(args.threads) < 1:
        raise ConfigError(f'--threads {min(args.threads)}: give 1 or more')
    MMLogger.get_instance('mmengine', log_level='WARNING')
    networks = [accuracy_speed.named_network(name, args.optimize) for name in args.networks]
    others, reported = accuracy_speed.read_others(args.others) if args.others else ([], [])
    if not (networks or others or reported):
        raise ConfigError('no network to measure; name one, such as flic-small, or give --others')
    rows = accuracy_speed.measure([*networks, *others], args.scores, args.threads,
                                  not args.no_flip, args.rounds) + reported
    print(f'{accuracy_speed.table(rows, args.scores)}\n\n{described(machine())}')
    if args.plot:
        save_figure(accuracy_speed.plot(rows, args.scores), args.plot)
    if args.json:
        write_json(args.json, dict(machine=machine(), rows=[asdict(row) for row in rows]), indent=1)
