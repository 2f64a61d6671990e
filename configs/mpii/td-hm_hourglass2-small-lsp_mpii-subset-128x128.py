# 'lsp-small' on a part of MPII, by the 14 joints of MPII that LSP has: those of the official score.
_base_ = ['../_base_/recipes/small_128.py', '../_base_/datasets/mpii_subset.py']
model = dict(backbone=dict(num_keypoints=14))
train_dataloader = dict(dataset=dict(_base_.train_split, skeleton='lsp'))
val_dataloader = test_dataloader = dict(dataset=dict(_base_.val_split, skeleton='lsp'))
default_hooks = dict(checkpoint=dict(save_best='mpii/Total'))

train_cfg = dict(max_epochs=24, val_interval=4)
