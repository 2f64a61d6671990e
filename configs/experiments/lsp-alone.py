# LSP and LSP Extended alone, without MPII and FLIC.
_base_ = ['base.py']
train_dataloader = dict(dataset=dict(
    datasets=_base_.train_dataloader['dataset']['datasets'][1:3]))
