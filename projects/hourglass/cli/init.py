"""Look over annotated people, and write a config that trains on them, with a sheet to look at."""
from __future__ import annotations

import argparse
from pathlib import Path

from hourglass.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('annotations', type=Path, help='COCO keypoints, YOLO-pose, DeepLabCut, '
                        'SLEAP, labelme, X-AnyLabeling, CVAT or Label Studio')
    parser.add_argument('--images', type=Path, help='folder of the images; default: that of the '
                        'annotations')
    parser.add_argument('--out', type=Path, required=True, help='folder to write to')
    parser.add_argument('--val', type=Path, metavar='ANNOTATIONS', help='validate on these')
    parser.add_argument('--val-images', type=Path, help='folder of their images; default: --images')
    parser.add_argument('--held-out', type=_held_out, metavar='SHARE|LIST|K/N', help='without '
                        '--val: a share of the images, a text file of their names, or fold K, from '
                        '0, of N; default: the split of the annotations, if they have one, or 0.15')
    parser.add_argument('--category', help='its name, if several have keypoints')
    parser.add_argument('--small', action='store_true', help='take the smallest network, which '
                        'trains and predicts several times as fast on a CPU, less accurately')


def _held_out(text: str) -> float | tuple[int, int] | Path:
    fold, slash, folds = text.partition('/')
    if slash and fold.isdigit() and folds.isdigit():
        return int(fold), int(folds)
    try:
        return float(text)
    except ValueError:
        return Path(text)


def run(args: argparse.Namespace) -> None:
    from hourglass.analysis.project.write import write_project
    from hourglass.datasets.forms.convert import as_coco
    config = args.out / 'config.py'
    if config.exists():
        raise ConfigError(f'{config}: is there already; remove it, or name another folder')
    if "'" in str(args.out.absolute()):                 # which mmengine would end a text by
        raise ConfigError(f'{args.out.absolute()}: has an apostrophe, which the path of a config '
                          'cannot have; name another folder')
    if args.val and args.held_out is not None:
        raise ConfigError('--val and --held-out both say what to validate on; give one')
    if args.val_images and not args.val:
        raise ConfigError('--val-images: the images of --val, which is missing; give both')
    train = as_coco(args.annotations, args.images, args.out / 'converted.json')
    val = args.val and as_coco(args.val, args.val_images or args.images,
                               args.out / 'converted_val.json', train.names)
    for line in write_project(args.out, train, val, args.held_out, args.category, args.small):
        print(line, flush=True)
