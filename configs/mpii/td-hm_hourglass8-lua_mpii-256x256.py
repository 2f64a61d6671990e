# The paper's network trained as the authors' code does it, where that differs from the paper.
_base_ = ['../_base_/recipes/lua_256.py', '../_base_/datasets/mpii_full.py']
train_dataloader = dict(dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='mpii/Total'))

train_cfg = dict(max_epochs=230)
param_scheduler = dict(type='MultiStepLR', milestones=[216], gamma=0.2, by_epoch=True)
