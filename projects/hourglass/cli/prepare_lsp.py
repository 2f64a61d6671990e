"""Look over an LSP or LSP Extended folder: python tools/prepare_lsp.py data/lsp

Both are used as published, so nothing is converted. Says what is missing, broken or strange.
"""
import argparse
from pathlib import Path

from hourglass.cli.common import one_line_errors
from hourglass.cli.preparing import add_verify_arguments, verify_and_draw
from hourglass.datasets.lsp import SPLITS, LspDataset, splits_of


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path, help='with joints.mat and images/')
    parser.add_argument('--splits', nargs='+', choices=SPLITS, help='default: all there are')
    add_verify_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with one_line_errors():
        verify_and_draw({split: LspDataset(
            split, data_root=str(args.folder), test_mode=split == 'test', lazy_init=True)
            for split in args.splits or splits_of(args.folder / 'joints.mat')}, args)


if __name__ == '__main__':
    main()
