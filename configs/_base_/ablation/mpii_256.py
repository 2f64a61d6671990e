# What the ablations share at the paper's size: MPII at 256x256, 256 features, the paper's recipe.
_base_ = [
    '../runtime.py', '../schedules/paper.py', '../data/mpii.py', '../models/hourglass_8stack.py',
    '../inputs/paper_256.py']
model = dict(
    backbone=dict(
        _delete_=True, type='hourglass.StackedHourglass', num_keypoints=16, channels=256),
    head=dict(decoder=_base_.codec),
    test_cfg=dict(flip_test=True, all_stages=True))
train_dataloader = dict(
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(
    _delete_=True, type='hourglass.IterationLoop', max_iters=800_000, val_interval=40_000)
param_scheduler = [
    dict(type='MultiStepLR', milestones=[740_000], gamma=0.2, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=40_000, max_keep_ckpts=1))
log_processor = dict(by_epoch=False)
