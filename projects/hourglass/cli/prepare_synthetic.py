"""Render a data set of people, with annotations in MPII's form; keep splits that are complete."""
import argparse
import time
from pathlib import Path

from hourglass.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--out', type=Path, required=True, help='folder of the data set')
    parser.add_argument('--train', type=int, default=6800, help='training images, 0 for none')
    parser.add_argument('--test', type=int, default=500, help='test images, 0 for none')
    parser.add_argument('--seed', type=int, default=0, help='another seed gives other images')
    parser.add_argument('--size', type=int, nargs=2, default=(160, 160), metavar=('W', 'H'))
    parser.add_argument('--workers', type=int, default=2, help='processes that render')
    parser.add_argument('--sheet', type=Path, metavar='PNG', help='draw random people and joints')


def run(args: argparse.Namespace) -> None:
    from hourglass.datasets.mpii.dataset import MpiiDataset
    from hourglass.datasets.synthetic import write_synthetic
    from hourglass.inference.drawing import write_sheet
    if not (args.train or args.test):
        raise ConfigError('--train 0 --test 0: nothing to render')
    # each split has its own stream of seeds: no test image is ever a training image
    for stream, (split, count) in enumerate((('test', args.test), ('train', args.train))):
        if count:
            start = time.perf_counter()
            annotation = write_synthetic(args.out / split, count, args.seed, args.workers,
                                         tuple(args.size), stream=stream)
            print(f'{annotation}: {count} images in {time.perf_counter() - start:.1f} s')
    if args.sheet:
        people = MpiiDataset(data_root=str(annotation.parent), ann_file=annotation.name)
        write_sheet(people, args.sheet)
        print(f'{args.sheet}: random people of {annotation.parent}')
