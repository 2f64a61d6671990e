# The paper on MPII: eight stacks at 256x256. The authors trained 100 epochs of 8,000 iterations of
# 6 people, which are 216 passes over the 22,246 people, then a few more at a fifth of the rate.
_base_ = ['../_base_/recipes/paper_256.py', '../_base_/datasets/mpii_full.py']
train_dataloader = dict(dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='mpii/Total'))

train_cfg = dict(max_epochs=230)
param_scheduler = dict(type='MultiStepLR', milestones=[216], gamma=0.2, by_epoch=True)
