# MPII and FLIC alone: a network that has never seen LSP, to begin others from.
_base_ = ['base.py']
parts = _base_.train_dataloader['dataset']['datasets']
train_dataloader = dict(dataset=dict(datasets=[parts[0], parts[3]]))
del parts
