"""The files of a project: a config for annotated people, and a sheet of them to look at."""
from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from pprint import pformat
from typing import Any

from hourglass.analysis.project.choices import (
    Size,
    choose_crop,
    choose_network,
    choose_pairs,
    choose_rate,
    table_rows,
)
from hourglass.checkpoints.names import SCHEME
from hourglass.datasets.coco import CROPS, REASONS, KeypointDataset
from hourglass.datasets.coco_file import read_coco
from hourglass.datasets.forms.convert import Source
from hourglass.datasets.skeletons import COCO_SIGMAS
from hourglass.datasets.splits import HeldOut
from hourglass.errors import DataError
from hourglass.inference.drawing import write_sheet
from hourglass.io.files import replacing

_HELD_OUT = 0.15                # of the images
_THRESHOLD = 0.1                # of the box, for PCK


def write_project(out: Path, train: Source, val: Source | None = None,
                  held_out: HeldOut | None = None, category: str | None = None,
                  small: bool = False) -> Iterator[str]:
    """Write ``config.py`` and ``people.png`` into a folder; yield what was found and chosen.

    Args:
        train, val: the annotations; without ``val``, ``held_out`` divides the images of ``train``.
        held_out: as for :func:`.splits.validation_images`; by default the split of the form that
            ``train`` is made from, or 0.15.
        category: name of the category, where several have keypoints of their own.
        small: take the smallest network, see :func:`.choices.choose_network`.

    Raises:
        DataError: for annotations that cannot be trained on.
        ConfigError: for a split that cannot be made.
    """
    file = read_coco(train.file, category)
    if held_out is None and train.validation:
        held_out = out / 'converted_val.txt'
        held_out.write_text('\n'.join(train.validation), 'utf-8', 'surrogateescape')
    held_out = _HELD_OUT if held_out is None else held_out
    yield (f'{train.file}: {len(file.annotations)} annotations on {len(file.images)} images, '
           f"{len(file.names)} keypoints: {', '.join(file.names)}")
    crop, crop_why = choose_crop(file)
    yield f'crop: {crop} ({crop_why})'
    pairs, not_mirrored = choose_pairs(file.names, train.flip_pairs)
    yield f"pairs of left and right: {', '.join(map(' - '.join, pairs)) or 'none'}"
    ends = {end for pair in pairs for end in pair}
    if not_mirrored:
        yield f'images are not mirrored in training, as {not_mirrored}'
    elif alone := ', '.join(name for name in file.names if name not in ends):
        yield f'in no pair, and the same in mirrored images: {alone}'
    options: dict[str, Any] = dict(crop=crop, category=category, flip_pairs=pairs)
    parts: list[tuple[Source, dict[str, Any]]] = [(train, {}), (val, {})] if val else [
        (train, dict(split=split, held_out=held_out)) for split in ('train', 'val')]

    def dataset(source: Source, **part: Any) -> KeypointDataset:
        return KeypointDataset(str(source.file), data_prefix=dict(img=str(source.images)),
                               **options, **part)
    if not val:
        dataset(train)                  # an error is then about the images of both splits
    splits = [dataset(source, **part) for source, part in parts]
    for name, split in zip(('train', 'validate'), splits):
        left_out = ''.join(f", {count} left out for '{why}'"
                           for why, count in split.left_out.items())
        yield f'to {name}: {len(split)} people on {len(_images(split))} images{left_out}'
    _check_splits(*splits)
    bits = max((split.bits for split in splits if split.bits), default=None)
    if bits:
        yield f'images: 16 bits for a value, of which {bits} are used; {2**bits - 1} is white'
    people = len(splits[0])
    size, weights, shared = choose_network(file.names, people, small)
    size = replace(size, lr=choose_rate(size, people, len(shared) / len(file.names)))
    start = ('random numbers, as no weights in the package share enough keypoints'
             if weights is None else
             f'{weights}, which shares {len(shared)} of {len(file.names)} keypoints')
    yield (f'network: {size.num_stacks} stacks of {size.channels} features at {size.side}x'
           f'{size.side}, for {people} people; it starts from {start}')
    yield "keypoints without annotation are ignored in training (unannotated='mask')"
    config, sheet = out / 'config.py', out / 'people.png'
    write_sheet(splits[0], sheet)       # first, as it reads images that may be broken
    with replacing(config) as draft:
        draft.write_text(_config(
            out, dict(options, bits=bits), parts, held_out, file.names, people, size, weights,
            dict(crop_why=crop_why, load_why=start, not_mirrored=not_mirrored)),
            encoding='utf-8')
    yield f'written: {config}, and {sheet} to look at'
    written, run = shlex.quote(str(config)), shlex.quote(str(out / 'run'))
    yield f'next: hourglass train {written}'
    yield (f'then: hourglass predict NEW_IMAGES --config {written} --weights {run}/best_*.pth'
           f"{f' --bits {bits}' if bits else ''} "
           f"{'--whole-image' if crop == 'image' else '--boxes FILE (or --detector, for people)'}")


def _images(people: KeypointDataset) -> set[str]:
    return {sample['img_path'] for sample in people}


def _check_splits(train: KeypointDataset, val: KeypointDataset) -> None:
    if val.file.names != train.file.names:
        raise DataError(f'{val.file.path}: its keypoints are not those of {train.file.path}, in '
                        f"this order: {', '.join(train.file.names)}")
    if common := sorted(_images(train) & _images(val)):
        raise DataError(f'{val.file.path}: {len(common)} images are in {train.file.path}, too, '
                        f'first {common[0]}; validate on other images')


def _config(out: Path, options: dict, parts: Sequence[tuple[Source, dict]], held_out: HeldOut,
            names: Sequence[str], people: int, size: Size, weights: str | None,
            why: dict[str, str]) -> str:
    epochs = min(100, max(10, math.ceil(size.samples / people)))
    mirror, pairs = not why['not_mirrored'], options['flip_pairs']
    val, *_ = parts[1]
    by_files = val is not parts[0][0]
    fields = dict(
        options, size=size, leave_out=tuple(REASONS), flip_pairs=_indented(pairs, 8),
        bits=f"\n    bits={options['bits']},{' ' * 27}# of 16 for a value of an image"
        if options['bits'] else '',
        crop_why=_comment(why['crop_why']), other_crops=' or '.join(
            repr(crop) for crop in CROPS if crop != options['crop']),
        splits=(_FILES if by_files else _SHARES).format(
            held_out=_relative(held_out, out) if isinstance(held_out, Path) else held_out,
            train_ann=_relative(parts[0][0].file, out),
            train_images=_relative(parts[0][0].images, out), val_ann=_relative(val.file, out),
            val_images=_relative(val.images, out)),
        cells=size.side // 4, count=len(names), people=people, mirror=mirror,
        load_from=weights and f'{SCHEME}{weights}', load_why=_comment(why['load_why']),
        mirror_share=0.5 if mirror else 0.0,
        not_mirrored=f': none, as {_comment(why["not_mirrored"])}' if not mirror else '',
        epochs=epochs, val_interval=max(1, epochs // 10),
        lr=size.lr, threshold=_THRESHOLD,
        unit="the person's box" if options['crop'] == 'bbox' else "the person's box; without one,\n"
        f"# of {'the box around the keypoints' if len(names) > 1 else 'the image'}",
        groups=_indented(table_rows(names, pairs), 8),
        oks=",\n    dict(type='hourglass.OksAP')" if COCO_SIGMAS.keys() >= set(names) else '',
        may_differ=['backbone.heatmaps.*', 'backbone.reinjects.*.heatmaps.*'] if weights else [])
    return _CONFIG.format(**fields)


def _comment(text: str) -> str:
    """Return a text as one line: names of keypoints are not ours, and the rest of it would run."""
    return ' '.join(text.split())


def _indented(value: Any, indent: int) -> str:
    text = pformat(value, width=98 - indent, compact=True, sort_dicts=False)
    return text.replace('\n', '\n' + ' ' * indent)


def _relative(path: Path, folder: Path) -> str:
    """Return a path from the folder of the config, or an absolute one if it is not beside that."""
    path, folder = Path(os.path.abspath(path)), folder.absolute()
    near = path.is_relative_to(folder.parent)
    return (Path(os.path.relpath(path, folder)) if near else path).as_posix()


# the text of the config, which str.format fills in
_CONFIG = """\
# Written by hourglass init. Comments say what else a line can be.
custom_imports = dict(imports=['hourglass'], allow_failed_imports=False)
default_scope = 'mmpose'
data_mode, dataset_type = 'topdown', 'hourglass.KeypointDataset'    # read by mmpose's inferencers
work_dir = '{{{{ fileDirname }}}}/run'

# Data. Paths are relative to the folder of this file.
people = dict(
    type='hourglass.KeypointDataset', data_root='{{{{ fileDirname }}}}',
    category={category!r},             # its name, if several have keypoints{bits}
    # what people are cropped around ({crop_why}); or {other_crops}:
    crop={crop!r},
    # without 'crowd', crowds count as people; without one of the others, it is an error:
    leave_out={leave_out!r},
    # left and right, which mirrored images swap:
    flip_pairs=
        {flip_pairs})
{splits}

# Network, of a size for {people} people.
input_size, heatmap_size = ({size.side}, {size.side}), ({cells}, {cells})     # (w, h)
codec = dict(
    type='hourglass.HourglassHeatmap', input_size=input_size, heatmap_size=heatmap_size,
    sigma={size.sigma}, refine='parabola',
    unannotated='mask')         # ignored; 'zero' trains a keypoint without annotation to be absent
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='hourglass.StackedHourglass', num_keypoints={count}, num_stacks={size.num_stacks},
        channels={size.channels}, depth={size.depth}, stem_channels={size.stem_channels},
        heatmap_std=0.001),
    head=dict(type='hourglass.StackedHeatmapHead', decoder=codec),
    test_cfg=dict(flip_test={mirror}))
# Start: {load_why}.
load_from = {load_from!r}

# Training: {epochs} times over all people.
mirror = {mirror_share}            # share of mirrored images{not_mirrored}
train_pipeline = [
    dict(type='hourglass.DrawFlip', prob=mirror),
    dict(type='hourglass.PaperScaleRotation', scale=(0.8, 1.25), max_rotation=20),
    dict(type='hourglass.CropImage', input_size=input_size),
    dict(type='hourglass.LuaColour'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='hourglass.PackPerson')]
val_pipeline = [
    dict(type='hourglass.LoadImage'),
    dict(type='hourglass.BoxToCrop'),
    dict(type='hourglass.CropImage', input_size=input_size),
    dict(type='PackPoseInputs')]
train_dataloader = dict(
    batch_size={size.batch}, num_workers=2, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(train_people, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    batch_size=32, num_workers=2, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(val_people, test_mode=True, pipeline=val_pipeline))
optim_wrapper = dict(
    type={size.wrapper!r}, optimizer=dict(type='AdamW', lr={lr}, weight_decay=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, eta_min_ratio=2e-3)]
train_cfg = dict(type='hourglass.EpochLoop', max_epochs={epochs}, val_interval={val_interval})
val_cfg = test_cfg = dict()

# Scores: a keypoint is correct within {threshold} of the longer side of {unit}.
val_evaluator = test_evaluator = [
    dict(type='hourglass.PCK', threshold={threshold}, unit='bbox', groups=
        {groups}){oks}]

default_hooks = dict(
    checkpoint=dict(
        type='hourglass.SafeCheckpointHook', max_keep_ckpts=1, save_best='pck/Total',
        rule='greater'),
    logger=dict(type='LoggerHook', interval=20),
    matching=dict(          # keypoints that the weights lack start from random numbers
        type='hourglass.MatchingCheckpointHook',
        may_differ={may_differ}),
    visualization=dict(type='hourglass.OverlayHook', enable=False),
    channels_last=dict(type='hourglass.ChannelsLastHook'),
    progress=dict(type='hourglass.ProgressBarHook'), stop=dict(type='hourglass.StopHook'),
    finite_loss=dict(type='hourglass.FiniteLossHook'),
    loader_watch=dict(type='hourglass.LoaderWatchHook'),
    batch_norm=dict(type='hourglass.BatchNormHook'))
model_wrapper_cfg = dict(type='hourglass.DataParallel')
env_cfg = dict(cudnn_benchmark=True)
visualizer = dict(type='PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
randomness = dict(seed=0)
"""

_SHARES = """\
# share of the images; or a text file of names, 'val.txt'; or (0, 5), the first of five folds:
held_out = {held_out!r}
people.update(
    ann_file={train_ann!r},
    data_prefix=dict(img={train_images!r}), held_out=held_out)
train_people, val_people = dict(people, split='train'), dict(people, split='val')"""

_FILES = """\
train_people = dict(
    people, ann_file={train_ann!r}, data_prefix=dict(img={train_images!r}))
val_people = dict(
    people, ann_file={val_ann!r}, data_prefix=dict(img={val_images!r}))"""
