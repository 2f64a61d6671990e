# Eight stacks on LSP and LSP Extended with the strong recipe. A crowd annotated LSP Extended and
# some labels are wrong, so LSP's own people are seen three times as often.
_base_ = ['../_base_/recipes/strong_256.py', '../_base_/datasets/lsp_extended.py']
model = dict(backbone=dict(num_keypoints=14))
train_dataloader = dict(dataset=dict(_delete_=True, type='ConcatDataset', datasets=[
    dict(type='RepeatDataset', times=3,
         dataset=dict(_base_.train_split, pipeline=_base_.train_pipeline)),
    dict(_base_.extended_split, pipeline=_base_.train_pipeline)]))
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='lsp/Total'))

train_cfg = dict(max_epochs=60, val_interval=2)
