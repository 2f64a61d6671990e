# The strong recipe at 384x384.
_base_ = ['../_base_/recipes/strong_384.py', '../_base_/datasets/mpii_full.py']
train_dataloader = dict(dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='mpii/Total'))

train_cfg = dict(max_epochs=200, val_interval=5)
