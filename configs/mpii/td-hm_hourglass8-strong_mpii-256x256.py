# Aimed above the best public hourglass on MPII (FPD: 90.52 PCKh@0.5 on val), whose masked targets,
# mean and deviation it shares. Not measured: MPII's images were not at hand.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/strong.py', '../_base_/data/mpii.py',
    '../_base_/models/hourglass_8stack.py', '../_base_/inputs/strong_256.py']
model = dict(
    data_preprocessor=_base_.normalisation,
    backbone=dict(heatmap_std=0.001), head=dict(decoder=_base_.codec))
custom_hooks = [*_base_.custom_hooks, _base_.average]
train_dataloader = dict(batch_size=32, num_workers=8, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='mpii/Total', rule='greater'))

train_cfg = dict(max_epochs=200, val_interval=5)
