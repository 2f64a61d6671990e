# The ablations at the paper's size: MPII at 256x256, 256 features, the paper's recipe.
_base_ = ['../recipes/paper_256.py', '../datasets/mpii_full.py']
model = dict(
    backbone=dict(
        _delete_=True, type='hourglass.StackedHourglass', num_keypoints=16, channels=256),
    test_cfg=dict(all_stages=True))
train_dataloader = dict(
    sampler=dict(type='InfiniteSampler', shuffle=True), dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)

train_cfg = dict(
    _delete_=True, type='hourglass.IterationLoop', max_iters=800_000, val_interval=40_000)
param_scheduler = [
    dict(type='MultiStepLR', milestones=[740_000], gamma=0.2, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=40_000, max_keep_ckpts=1))
log_processor = dict(by_epoch=False)
