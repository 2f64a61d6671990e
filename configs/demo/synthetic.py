# Synthetic people for a laptop: two stacks of 64 features at 128x128, minutes on two cores. 'make
# demo' makes the pictures, trains and tests.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/small.py', '../_base_/datasets/synthetic.py',
    '../_base_/models/hourglass_2stack_64.py', '../_base_/inputs/short_128.py']
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='mpii/PCKh', rule='greater'))

train_cfg = dict(max_epochs=2, val_interval=2)
randomness = dict(seed=0)
