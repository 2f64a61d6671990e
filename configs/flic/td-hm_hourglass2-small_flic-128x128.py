# What two cores train in about an hour, and what is shipped as 'flic-small': two stacks of 64
# features at 128x128.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/strong.py', '../_base_/data/flic.py',
    '../_base_/models/hourglass_2stack_64.py', '../_base_/inputs/strong_128.py']
model = dict(
    data_preprocessor=_base_.normalisation, backbone=dict(num_keypoints=11),
    head=dict(decoder=_base_.codec))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=4e-3))
custom_hooks = [*_base_.custom_hooks, _base_.average]
train_dataloader = dict(
    batch_size=16, num_workers=1, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='flic/Wrist', rule='greater'))

train_cfg = dict(max_epochs=24, val_interval=4)
randomness = dict(seed=0)
auto_scale_lr = dict(base_batch_size=16)
