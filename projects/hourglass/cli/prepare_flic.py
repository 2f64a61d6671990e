"""Look over a FLIC folder (examples.mat and images/): python tools/prepare_flic.py data/flic

FLIC is used as published, so nothing is converted. Says what is missing, broken or strange.
"""
import argparse

from hourglass.cli.common import one_line_errors
from hourglass.cli.preparing import add_verify_arguments, verify_and_draw
from hourglass.datasets.flic import LABELS, SPLITS, FlicDataset


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', help='with examples.mat and images/')
    parser.add_argument('--splits', nargs='+', choices=SPLITS, default=['train', 'test'])
    parser.add_argument('--labels', choices=LABELS, default='observer', help='left and right')
    add_verify_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with one_line_errors():
        verify_and_draw({split: FlicDataset(
            split, args.labels, data_root=args.folder, test_mode=split == 'test', lazy_init=True)
            for split in args.splits}, args)


if __name__ == '__main__':
    main()
