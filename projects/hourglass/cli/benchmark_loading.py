"""Load annotations in COCO's format of more and more people: time and memory."""
import argparse
from dataclasses import asdict
from pathlib import Path

from hourglass.errors import ConfigError
from hourglass.io.files import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--people', type=int, nargs='+', default=[1_000, 10_000, 100_000],
                        metavar='N', help='in each file; default 1000 10000 100000')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write the numbers to this file')


def run(args: argparse.Namespace) -> None:
    from hourglass.analysis.loading import measure_loading, table
    from hourglass.analysis.machine import described, machine
    if min(args.people) < 1:
        raise ConfigError(f'--people {min(args.people)}: give 1 or more')
    costs = [measure_loading(people) for people in args.people]
    print(f'{table(costs)}\n{described(machine())}')
    if args.json:
        write_json(args.json, dict(machine=machine(), loading=[asdict(one) for one in costs]),
                   indent=1)
