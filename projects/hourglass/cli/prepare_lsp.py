"""Check a folder of LSP or LSP Extended as published: report what is missing, broken or unusual."""
import argparse
from pathlib import Path

from hourglass.cli.preparing import add_verify_arguments, verify_and_draw


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', type=Path, help='with joints.mat and images/')
    parser.add_argument('--splits', nargs='+', choices=['train', 'test'],
                        help='default: all there are')
    add_verify_arguments(parser)


def run(args: argparse.Namespace) -> None:
    from hourglass.datasets.lsp.dataset import LspDataset
    from hourglass.datasets.lsp.files import splits_of
    verify_and_draw({split: LspDataset(
        split, data_root=str(args.folder), test_mode=split == 'test', lazy_init=True)
        for split in args.splits or splits_of(args.folder / 'joints.mat')}, args)
