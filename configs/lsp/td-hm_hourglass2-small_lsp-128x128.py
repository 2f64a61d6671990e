# Two stacks of 64 features at 128x128, from random weights. Its data are those of the strong
# recipe, turned further, as people in sport lean and lie.
_base_ = ['../_base_/recipes/small_128.py', '../_base_/datasets/lsp_extended.py']
train_pipeline = [dict(step, max_rotation=40) if step == _base_.augmentation else step
                  for step in _base_.train_pipeline]
model = dict(backbone=dict(num_keypoints=14))
train_dataloader = dict(dataset=dict(_delete_=True, type='ConcatDataset', datasets=[
    dict(type='RepeatDataset', times=3,
         dataset=dict(_base_.train_split, pipeline=train_pipeline)),
    dict(_base_.extended_split, pipeline=train_pipeline)]))
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='lsp/Total'))

train_cfg = dict(max_epochs=5)
