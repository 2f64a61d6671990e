# Each data set once, instead of the MPII subset and LSP three times.
_base_ = ['base.py']
train_dataloader = dict(dataset=dict(datasets=[
    dict(part, times=1) for part in _base_.train_dataloader['dataset']['datasets']]))
