"""Measure networks of any config in turns, in one process."""
import argparse
from dataclasses import asdict
from pathlib import Path

from hourglass.errors import ConfigError
from hourglass.io.files import write_json

_MEASURES = ('size', 'latency', 'throughput', 'training', 'memory', 'input')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('configs', nargs='+', help='config files, or names in the model index')
    parser.add_argument('--optimize', nargs='+', default=['none'], metavar='HOW',
                        help='ways to run each of them: none (plain torch, float32, NCHW; the '
                        'default), channels_last, auto, fuse, ncnn, onnxruntime, openvino, '
                        'compile, bf16 or a file of hourglass export, such as one in 8 bits')
    parser.add_argument('--stages', type=int, nargs='+', default=[None], metavar='N',
                        help='run only their first N stacks; several numbers are compared')
    parser.add_argument('--against', nargs='+', default=[], metavar='CONFIG',
                        help='configs to compare with, run plainly; ratios are to the first')
    parser.add_argument('--measure', nargs='+', choices=_MEASURES, default=_MEASURES[:-1],
                        help='what to measure; default all except input')
    parser.add_argument('--batch-size', type=int, default=16,
                        help='for throughput, a quarter of it for training (default %(default)s)')
    parser.add_argument('--rounds', type=int, default=10, help='turns (default %(default)s)')
    parser.add_argument('--threads', type=int, help='of torch (default: its own number)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write the numbers to this file')


def run(args: argparse.Namespace) -> None:
    import torch
    from mmengine.logging import MMLogger

    from hourglass.analysis.benchmark import Contender, benchmark, table
    MMLogger.get_instance('mmengine', log_level='WARNING')
    if args.threads is not None:
        if args.threads < 1:
            raise ConfigError(f'--threads {args.threads}: give 1 or more')
        torch.set_num_threads(args.threads)
    contenders = [Contender(config) for config in args.against]
    contenders += [Contender(config, how, stages) for config in args.configs
                   for stages in args.stages for how in args.optimize]
    report = benchmark(contenders, args.measure, args.batch_size, args.rounds)
    print(table(report, args.batch_size))
    if args.json:
        write_json(args.json, asdict(report), indent=1)
