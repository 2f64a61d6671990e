"""Measure how the time grows with images, people, stacks, processes and annotated people.

Work is left out with an empty option, as --processes alone.
"""
import argparse
from dataclasses import asdict
from pathlib import Path

from hourglass.errors import ConfigError
from hourglass.io.files import write_json

_SIZES = {'images': [10, 100, 1_000, 10_000], 'people': [1, 5, 20, 50],
          'stacks': [1, 2, 4, 8], 'processes': [1, 2, 3],
          'annotations': [1_000, 10_000, 100_000, 1_000_000]}      # in the order of WORKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for name, sizes in _SIZES.items():
        parser.add_argument(f'--{name}', type=int, nargs='*', default=sizes, metavar='N',
                            help=f"default {' '.join(map(str, sizes))}")
    parser.add_argument('--weights', default='people', help='default %(default)s')
    parser.add_argument('--plot', type=Path, metavar='OUT', help='write a figure to this file')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write the numbers to this file')


def run(args: argparse.Namespace) -> None:
    from hourglass.analysis.growth import WORKS, measure_growth, plot, table
    from hourglass.analysis.machine import described, machine
    from hourglass.io.figures import save_figure
    sizes = {work: getattr(args, name) for work, name in zip(WORKS, _SIZES)}
    if wrong := [size for chosen in sizes.values() for size in chosen if size < 1]:
        raise ConfigError(f'{wrong[0]}: give sizes of 1 or more')
    growths = []
    for work, chosen in sizes.items():
        if chosen:
            growths.append(measure_growth(work, chosen, args.weights))
            print(table(growths[-1:]), flush=True, end='\n\n')
    print(described(machine()))
    if args.plot:
        save_figure(plot(growths), args.plot)
    if args.json:
        write_json(args.json, dict(machine=machine(), growths=[asdict(one) for one in growths]),
                   indent=1)
