"""Convert MPII's official annotations to the files that HRNet and mmpose use, and check the folder.

hourglass prepare mpii data/mpii --release mpii_human_pose_v1_u12_1.mat --val valid.h5
hourglass prepare mpii data/mpii          # checks a folder that has its annotations

Writes annotations/mpii_{train,val,trainval,test}.json and mpii_gt_val.mat into the folder, then
reports what is missing, broken or unusual in it.
"""
import argparse
from pathlib import Path

from hourglass.cli.preparing import add_verify_arguments, verify_and_draw
from hourglass.datasets.mpii.dataset import MpiiDataset
from hourglass.datasets.mpii.release import read_release
from hourglass.datasets.mpii.splits import (
    PUBLISHED,
    PUBLISHED_SINGLE_PERSON,
    split_people,
    write_splits,
)
from hourglass.errors import ConfigError, DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', type=Path, help='with images/, and annotations/ to write to')
    parser.add_argument('--release', type=Path, metavar='MAT',
                        help='the official mpii_human_pose_v1_u12_1.mat')
    parser.add_argument('--val', type=Path, metavar='FILE',
                        help="who validates: the authors' valid.h5, mpii_annotations.json(.gz), "
                        'mpii_gt_val.mat or its twin detections_our_format.mat')
    add_verify_arguments(parser)


def count_line(name: str, count: int, published: int) -> str:
    difference = '' if count == published else f'   differs by {count - published:+,}'
    return f'{name:<22}{count:>8,}   published {published:>7,}{difference}'


def convert(release_file: Path, val_file: Path, folder: Path) -> None:
    release = read_release(release_file)
    print(f'{release_file}: {len(release.images):,} images, {sum(release.training):,} of them '
          f'for training; {sum(release.num_rects):,} people')
    for kind, places in sorted(release.half_filled.items()):
        print(f'{len(places):>8,} {kind} half filled, impossible or double, taken as empty; '
              f'first {places[0]}')
    splits = split_people(release, val_file)
    for path in write_splits(splits, folder / 'annotations'):
        print(f'{path}: written')
    for split, people in splits.people.items():
        print(count_line(split, len(people), PUBLISHED[split]))
    single_person = sum(person.single_person for person in splits.people['test'])
    print(count_line('test, single person', single_person, PUBLISHED_SINGLE_PERSON))
    print('in no split:')
    for reason, count in sorted(splits.left_out.items()):
        print(f'{count:>8,} {reason}')


def datasets(folder: Path) -> dict[str, MpiiDataset]:
    """A data set for every split whose annotations are there."""
    found = {}
    for split in ('train', 'val', 'test'):
        path = Path('annotations', f'mpii_{split}.json')
        if (folder / path).is_file():
            boxes = 'annotations/mpii_gt_val.mat' if split == 'val' else None
            found[split] = MpiiDataset(str(path), head_box_file=boxes, data_root=str(folder),
                                       test_mode=split == 'val', lazy_init=True)
    if not found:
        raise DataError(f'{folder}: no annotations/mpii_*.json to look over; convert the official '
                        'ones with --release and --val')
    return found


def run(args: argparse.Namespace) -> None:
    if (args.release is None) != (args.val is None):
        raise ConfigError('--release and --val go together: the release does not tell who '
                          'validates')
    if args.release:
        convert(args.release, args.val, args.folder)
    verify_and_draw(datasets(args.folder), args)
