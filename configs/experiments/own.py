# LSP and its 14 joints in place of a user's own people, from random weights; with load_from, from
# those of another config. Set the number of people by train_dataloader.dataset.indices.
_base_ = ['base.py']
dataset_type = 'hourglass.LspDataset'
model = dict(backbone=dict(num_keypoints=14))
train_dataloader = dict(dataset=dict(
    _base_.lsp_train, _delete_=True, skeleton='lsp', pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(skeleton='lsp'))
default_hooks = dict(matching=dict(
    may_differ=['backbone.heatmaps.*', 'backbone.reinjects.*.heatmaps.*']))
