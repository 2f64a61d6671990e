# The hourglass as the backbone of another project, and how it is trained there; a config in
# configs/reuse adds that project's parts and data. Width and stacks are a start, not a finding.
custom_imports = dict(imports=['hourglass'], allow_failed_imports=False)
model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),    # RGB
    backbone=dict(
        type='hourglass.StackedHourglass', num_stacks=2, channels=256, num_keypoints=None))

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=35))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, eta_min_ratio=1e-3),
]
train_cfg = dict(type='hourglass.EpochLoop', max_epochs=100, val_interval=5)
val_cfg = dict()
test_cfg = dict()
default_hooks = dict(
    checkpoint=dict(type='hourglass.SafeCheckpointHook', interval=5, max_keep_ckpts=2),
    matching=dict(type='hourglass.MatchingCheckpointHook'),
    stop=dict(type='hourglass.StopHook'),
    finite_loss=dict(type='hourglass.FiniteLossHook'),
    loader_watch=dict(type='hourglass.LoaderWatchHook'))
load_from = None
resume = False
