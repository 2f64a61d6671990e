# The strong recipe at 384x384; half the people at once, at half the rate.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/strong.py', '../_base_/data/mpii.py',
    '../_base_/models/hourglass_8stack.py', '../_base_/inputs/strong_384.py']
model = dict(
    data_preprocessor=_base_.normalisation, backbone=dict(heatmap_std=0.001),
    head=dict(decoder=_base_.codec))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
custom_hooks = [*_base_.custom_hooks, _base_.average]
train_dataloader = dict(batch_size=16, num_workers=8, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='mpii/Total', rule='greater'))

train_cfg = dict(max_epochs=200, val_interval=5)
auto_scale_lr = dict(base_batch_size=16)
