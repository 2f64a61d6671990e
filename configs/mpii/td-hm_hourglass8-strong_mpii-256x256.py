# Aimed above the best public hourglass on MPII (FPD: 90.52 PCKh@0.5 on val), from which it takes
# masked targets, mean and deviation. Not measured: MPII's images were not at hand.
_base_ = ['../_base_/recipes/strong_256.py', '../_base_/datasets/mpii_full.py']
train_dataloader = dict(dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='mpii/Total'))

train_cfg = dict(max_epochs=200, val_interval=5)
