"""Shared by the commands that prepare data sets: check a folder, draw samples of it."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourglass.datasets.base import PersonDataset


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--quick', action='store_true', help='do not read the images themselves')
    parser.add_argument('--workers', type=_at_least_1, default=2, help='threads that read images')
    parser.add_argument('--sheet', type=Path, metavar='PNG',
                        help='draw random people with their joints; the split is added to the name')


def _at_least_1(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text}, a whole number from 1 needed')
    return int(text)


def verify_and_draw(splits: Mapping[str, PersonDataset], args: argparse.Namespace) -> None:
    """Check data sets made with ``lazy_init=True``; end the program with status 1 for errors."""
    from hourglass.datasets.verify import verify
    from hourglass.inference.drawing import write_sheet
    errors = False
    for name, dataset in splits.items():
        found = verify(dataset, not args.quick, args.workers)
        print(f'{name}: {found.summary()}', flush=True)
        errors |= bool(found.errors)
        if args.sheet and not found.errors:
            sheet = args.sheet.with_stem(f'{args.sheet.stem}_{name}')
            dataset.full_init()
            write_sheet(dataset, sheet)
            print(f'  {sheet}: random people')
    if errors:
        sys.exit('error: fix the errors above, then run this command again')
