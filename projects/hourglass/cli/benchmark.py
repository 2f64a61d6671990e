"""Measure networks of any config in turns, in one process."""
import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from mmengine.logging import MMLogger

from hourglass.analysis.benchmark import MEASURES, Contender, Report, benchmark
from hourglass.deploy.runtimes import RUNTIMES
from hourglass.errors import ConfigError
from hourglass.io.files import replacing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('configs', nargs='+', help='config files, or names in the model index')
    parser.add_argument('--optimize', nargs='+', default=['none'], metavar='HOW',
                        help='ways to run them, each: none (plain torch, float32, NCHW; the '
                        f"default), channels_last, auto, {', '.join(list(RUNTIMES)[1:])}")
    parser.add_argument('--stages', type=int, nargs='+', default=[None], metavar='N',
                        help='run their first N stacks alone; several: each')
    parser.add_argument('--against', nargs='+', default=[], metavar='CONFIG',
                        help='configs to compare with, run plainly; ratios are to the first')
    parser.add_argument('--measure', nargs='+', choices=MEASURES, default=MEASURES[:-1],
                        help="what; default all but the data's")
    parser.add_argument('--batch-size', type=int, default=16,
                        help='of the throughput; a quarter to train (default %(default)s)')
    parser.add_argument('--rounds', type=int, default=10, help='turns (default %(default)s)')
    parser.add_argument('--threads', type=int, help="of torch; default torch's own")
    parser.add_argument('--json', type=Path, metavar='OUT', help='write the numbers to this file')


def measure(args: argparse.Namespace) -> Report:
    if args.threads is not None:
        if args.threads < 1:
            raise ConfigError(f'--threads {args.threads}: give 1 or more')
        torch.set_num_threads(args.threads)
    contenders = [Contender(config) for config in args.against]
    contenders += [Contender(config, how, stages) for config in args.configs
                   for stages in args.stages for how in args.optimize]
    return benchmark(contenders, args.measure, args.batch_size, args.rounds)


def run(args: argparse.Namespace) -> None:
    MMLogger.get_instance('mmengine', log_level='WARNING')
    report = measure(args)
    print('\n'.join(table(report, args.batch_size)))
    if args.json:
        with replacing(args.json) as draft:
            draft.write_text(json.dumps(asdict(report), indent=1))


def table(report: Report, batch_size: int) -> list[str]:
    """Lines of text: a row for every contender, a column for whatever was measured, notes."""
    images, trained = batch_size, max(1, batch_size // 4)
    columns = [
        ('', name_of),
        ('M params', lambda row: f"{row['parameters'] / 1e6:.2f}"),
        ('GMACs', lambda row: f"{row['macs'] / 1e9:.2f}"),
        ('batch 1, ms', lambda row: timing(row['latency'])),
        ('ratio', lambda row: f"{row['latency']['ratio']:.3f}"),
        (f'batch {images}, images/s',
         lambda row: f"{images / row['throughput']['median']:.1f}"),
        ('ratio', lambda row: f"{row['throughput']['ratio']:.3f}"),
        (f'training {trained}, ms', lambda row: timing(row['training'])),
        ('ratio', lambda row: f"{row['training']['ratio']:.3f}"),
        ('MiB', lambda row: f"{row['memory_latency'] / 2**20:.0f}"),
        (f'MiB training {trained}', lambda row: f"{row['memory_training'] / 2**20:.0f}"),
        ('input images/s/core', lambda row: f"{row['input_images_per_core_second']:.0f}"),
        ('deviation', lambda row: f"{row['deviation']:.1e}"),
    ]
    cells = [[name, *(cell(tell, row) for row in report.rows)] for name, tell in columns]
    cells = [column for column in cells if any(column[1:])]
    widths = [max(map(len, column)) for column in cells]
    about = report.machine
    return [
        f"{about['processor']}, {about['threads']} of {about['cores']} cores, "
        f"{about['instructions']}, accelerator {about['accelerator']}; torch {about['torch']}, "
        f"hourglass {about['hourglass']}",
        *('  '.join(column[i].ljust(width) if column is cells[0] else column[i].rjust(width)
                    for column, width in zip(cells, widths, strict=True)).rstrip()
          for i in range(len(cells[0]))),
        'times: median (quartiles); ratios to the first row', *report.notes]


def name_of(row: dict) -> str:
    stages = '' if row['stages'] is None else f", {row['stages']} stacks"
    return f"{Path(row['config']).stem} {row['optimize']}{stages}"


def timing(seconds: dict) -> str:
    low, median, high = (f'{1000 * seconds[key]:.3g}' for key in ('low', 'median', 'high'))
    return f'{median} ({low}-{high})'


def cell(tell: Callable[[dict], str], row: dict) -> str:
    try:
        return tell(row)
    except KeyError:                    # not measured
        return ''
