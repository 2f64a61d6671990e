# The paper's network and recipe at 384x384, which the paper does not report.
_base_ = ['../_base_/recipes/paper_384.py', '../_base_/datasets/mpii_full.py']
train_dataloader = dict(dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='mpii/Total'))

train_cfg = dict(max_epochs=230)
param_scheduler = dict(type='MultiStepLR', milestones=[216], gamma=0.2, by_epoch=True)
