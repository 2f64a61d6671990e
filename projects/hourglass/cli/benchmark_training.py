"""Measure how many images a second networks train on, by precision and by how the step is run."""
import argparse
from dataclasses import asdict
from pathlib import Path

from hourglass.errors import ConfigError
from hourglass.io.files import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('configs', nargs='+', help='config files, or names in the model index')
    parser.add_argument('--ways', nargs='+', choices=[
        'fp32', 'tf32', 'bf16', 'bf16-compiled', 'bf16-graph', 'bf16-compiled-graph'],
                        default=['fp32', 'bf16'],
                        help='precisions, compiled residual modules, CUDA graphs')
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--seconds', type=float, default=3, help='for each (default %(default)s)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write the numbers to this file')


def run(args: argparse.Namespace) -> None:
    from hourglass.analysis.machine import machine
    from hourglass.analysis.training_speed import table, training_speed
    if args.batch_size < 1 or not args.seconds > 0:
        raise ConfigError('--batch-size, --seconds: give numbers above 0')
    speeds = []
    for config in args.configs:
        for way in args.ways:
            speeds.append(training_speed(config, way, args.batch_size, args.seconds))
            print(table(speeds[-1:]), flush=True)       # each at once: the slot may end
    if args.json:
        numbers = dict(machine=machine(), speeds=[asdict(speed) for speed in speeds])
        write_json(args.json, numbers, indent=1)
