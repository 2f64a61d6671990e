# The paper's network and recipe on Leeds Sports Pose, which the paper does not report; the length
# is ours.
_base_ = ['../_base_/recipes/paper_256.py', '../_base_/datasets/lsp.py']
model = dict(backbone=dict(num_keypoints=14))
train_dataloader = dict(dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='lsp/Total'))

train_cfg = dict(max_epochs=60)
param_scheduler = dict(type='MultiStepLR', milestones=[50], gamma=0.2, by_epoch=True)
