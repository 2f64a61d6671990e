# Two stacks of the paper's size on synthetic people, with the paper recipe.
_base_ = ['../_base_/recipes/paper_256.py', '../_base_/datasets/synthetic.py']
model = dict(backbone=dict(num_stacks=2))
train_dataloader = dict(dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='mpii/Total'))

train_cfg = dict(max_epochs=20)
param_scheduler = dict(type='MultiStepLR', milestones=[16], gamma=0.2, by_epoch=True)
