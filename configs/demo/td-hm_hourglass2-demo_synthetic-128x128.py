# Synthetic people for a laptop: two stacks of 64 features at 128x128, minutes on two cores. 'make
# demo' renders the images, trains and tests.
_base_ = ['../_base_/recipes/short_128.py', '../_base_/datasets/synthetic.py']
# Two passes over the images leave nothing to overfit, so they are flipped and nothing else.
train_pipeline = [step for step in _base_.train_pipeline
                  if step['type'] != 'hourglass.PaperScaleRotation']
train_dataloader = dict(dataset=dict(_base_.train_split, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='mpii/Total'))

train_cfg = dict(max_epochs=2, val_interval=2)
randomness = dict(seed=0)
