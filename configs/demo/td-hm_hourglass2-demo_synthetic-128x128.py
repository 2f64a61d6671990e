# Synthetic people for a laptop: two stacks of 64 features at 128x128, minutes on two cores. 'make
# demo' makes the images, trains and tests.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/small.py', '../_base_/data/synthetic.py',
    '../_base_/models/hourglass_2stack_64.py', '../_base_/inputs/short_128.py']
# Two passes over the images leave nothing to overfit, so they go in as they are, or mirrored.
train_pipeline = [step for step in _base_.train_pipeline
                  if step['type'] != 'hourglass.PaperScaleRotation']
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='mpii/Total', rule='greater'))

train_cfg = dict(max_epochs=2, val_interval=2)
randomness = dict(seed=0)
