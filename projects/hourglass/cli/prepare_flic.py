"""Check a FLIC folder as published: report what is missing, broken or unusual."""
import argparse

from hourglass.cli.preparing import add_verify_arguments, verify_and_draw


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', help='with examples.mat and images/')
    parser.add_argument('--splits', nargs='+', choices=['train', 'test', 'extra'],
                        default=['train', 'test'])
    parser.add_argument('--labels', choices=['observer', 'person'], default='observer',
                        help='left and right')
    add_verify_arguments(parser)


def run(args: argparse.Namespace) -> None:
    from hourglass.datasets.flic.dataset import FlicDataset
    verify_and_draw({split: FlicDataset(
        split, args.labels, data_root=args.folder, test_mode=split == 'test', lazy_init=True)
        for split in args.splits}, args)
