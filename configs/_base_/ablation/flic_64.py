# The ablations at a size for two cores: FLIC at 64x64, 32 features, three levels, and a score for
# every stage. Each config gives the network its stacks.
_base_ = [
    '../schedules/small.py', '../models/hourglass8.py', '../inputs/strong_64.py',
    '../datasets/flic.py']
model = dict(
    data_preprocessor=_base_.normalisation,
    backbone=dict(
        _delete_=True, type='hourglass.StackedHourglass', num_keypoints=11, channels=32, depth=3,
        stem_channels=(16, 32, 32), heatmap_std=0.001),
    head=dict(decoder=_base_.codec),
    test_cfg=dict(flip_test=False, all_stages=True))
train_dataloader = dict(
    batch_size=32, num_workers=1, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(_base_.train_split, pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(
    num_workers=2, dataset=dict(_base_.val_split, pipeline=_base_.val_pipeline))

train_cfg = dict(
    _delete_=True, type='hourglass.IterationLoop', max_iters=800, val_interval=200)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, eta_min_ratio=2e-3),
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=200, max_keep_ckpts=1))
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(base_batch_size=32)
