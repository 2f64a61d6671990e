"""Convert MPII's official annotations to the files that HRNet and mmpose use, and check the folder.

hourglass prepare mpii data/mpii --release mpii_human_pose_v1_u12_1.mat --val valid.h5
hourglass prepare mpii data/mpii          # checks a folder that has its annotations

Writes annotations/mpii_{train,val,trainval,test}.json and mpii_gt_val.mat, then reports what is
missing, broken or unusual in the folder.
"""
import argparse
from pathlib import Path

from hourglass.cli.preparing import add_verify_arguments, verify_and_draw
from hourglass.errors import ConfigError, DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', type=Path, help='with images/, and annotations/ to write to')
    parser.add_argument('--release', type=Path, help='the official mpii_human_pose_v1_u12_1.mat')
    parser.add_argument('--val', type=Path, metavar='FILE', help='the validation people: valid.h5, '
                        'mpii_annotations.json(.gz), mpii_gt_val.mat or detections_our_format.mat')
    add_verify_arguments(parser)


def run(args: argparse.Namespace) -> None:
    from hourglass.datasets.mpii.dataset import MpiiDataset
    from hourglass.datasets.mpii.release import read_release
    from hourglass.datasets.mpii.splits import split_people, write_splits
    if (args.release is None) != (args.val is None):
        raise ConfigError('--release and --val go together: the release does not mark the '
                          'validation people')
    annotations = args.folder / 'annotations'
    if args.release:
        release = read_release(args.release)
        print(release.summary())
        splits = split_people(release, args.val)
        for path in write_splits(splits, annotations):
            print(f'{path}: written')
        print(splits.summary())
    datasets = {split: MpiiDataset(
        f'annotations/mpii_{split}.json', data_root=str(args.folder), test_mode=split == 'val',
        head_box_file='annotations/mpii_gt_val.mat' if split == 'val' else None, lazy_init=True)
        for split in ('train', 'val', 'test') if (annotations / f'mpii_{split}.json').is_file()}
    if not datasets:
        raise DataError(f'{args.folder}: no annotations/mpii_*.json to check; convert the official '
                        'ones with --release and --val')
    verify_and_draw(datasets, args)
