"""Convert MPII's official annotations to the files that HRNet and mmpose use.

They go to DATA_FOLDER/annotations: mpii_{train,val,trainval,test}.json and mpii_gt_val.mat.
"""
import argparse
from pathlib import Path

from hourglass.apis.cli import one_line_errors
from hourglass.datasets.mpii_release import read_release
from hourglass.datasets.mpii_splits import (
    PUBLISHED,
    PUBLISHED_SINGLE_PERSON,
    split_people,
    write_splits,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data_folder', type=Path, help='what is to hold annotations/, next to '
                        'the pictures in images/')
    parser.add_argument('--release', type=Path, required=True, metavar='MAT',
                        help='the official mpii_human_pose_v1_u12_1.mat')
    parser.add_argument('--val', type=Path, required=True, metavar='FILE',
                        help="who validates: the authors' valid.h5, mpii_annotations.json(.gz), "
                        'mpii_gt_val.mat or its twin detections_our_format.mat')
    return parser.parse_args()


def count_line(name: str, count: int, published: int) -> str:
    difference = '' if count == published else f'   differs by {count - published:+,}'
    return f'{name:<22}{count:>8,}   published {published:>7,}{difference}'


def main() -> None:
    args = parse_args()
    with one_line_errors():
        release = read_release(args.release)
        print(f'{args.release}: {len(release.pictures):,} pictures, {sum(release.training):,} of '
              f'them for training; {sum(release.num_rects):,} people')
        splits = split_people(release, args.val)
        for path in write_splits(splits, args.data_folder / 'annotations'):
            print(f'{path}: written')
    for split, people in splits.people.items():
        print(count_line(split, len(people), PUBLISHED[split]))
    single_person = sum(person.single_person for person in splits.people['test'])
    print(count_line('test, single person', single_person, PUBLISHED_SINGLE_PERSON))
    print('in no split:')
    for reason, count in sorted(splits.left_out.items()):
        print(f'{count:>8,} {reason}')


if __name__ == '__main__':
    main()
