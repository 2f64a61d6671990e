# LSP Extended with the published labels instead of the corrected ones.
_base_ = ['base.py']
parts = [dict(part) for part in _base_.train_dataloader['dataset']['datasets']]
parts[2] = dict(parts[2], dataset=dict(parts[2]['dataset'], ann_file='joints.mat'))
train_dataloader = dict(dataset=dict(datasets=parts))
del parts
