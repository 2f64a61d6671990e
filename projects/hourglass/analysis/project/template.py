"""The text of the config that ``hourglass init`` writes: :class:`str.format` fills it in."""

CONFIG = """\
# Written by hourglass init. Comments say what else a line can be.
custom_imports = dict(imports=['hourglass'], allow_failed_imports=False)
default_scope = 'mmpose'
work_dir = '{{{{ fileDirname }}}}/run'

# Data. Paths are relative to the folder of this file.
people = dict(
    type='hourglass.KeypointDataset', data_root='{{{{ fileDirname }}}}',
    category={category!r},             # its name, if several have keypoints
    # what the crop lies around: {crop_why}; or {other_crops}:
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

# Scores: a keypoint is correct within {threshold} of the longer side of the person's box.
val_evaluator = test_evaluator = [
    dict(type='hourglass.PCK', threshold={threshold}, unit='bbox', groups=
        {groups}){oks}]

default_hooks = dict(
    checkpoint=dict(
        type='hourglass.SafeCheckpointHook', max_keep_ckpts=1, save_best='pck/Total',
        rule='greater'),
    logger=dict(type='LoggerHook', interval=20),
    matching=dict(                      # tensors that start from random numbers
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

SHARES = """\
# share of the images; or a text file of names, 'val.txt'; or (0, 5), the first of five folds:
held_out = {held_out!r}
people.update(
    ann_file={train_ann!r},
    data_prefix=dict(img={train_images!r}), held_out=held_out)
train_people, val_people = dict(people, split='train'), dict(people, split='val')"""

FILES = """\
train_people = dict(
    people, ann_file={train_ann!r}, data_prefix=dict(img={train_images!r}))
val_people = dict(
    people, ann_file={val_ann!r}, data_prefix=dict(img={val_images!r}))"""
