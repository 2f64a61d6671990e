# What two cores train in about a quarter of an hour: two stacks of 64 features at 128x128.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/small.py', '../_base_/data/flic.py',
    '../_base_/models/hourglass_2stack_64.py', '../_base_/inputs/short_128.py']
model = dict(backbone=dict(num_keypoints=11), head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='flic/Wrist', rule='greater'))

train_cfg = dict(max_epochs=8)
