# The small network, trained on from people-small, with corrected labels of LSP Extended.
_base_ = ['td-hm_hourglass2-small_lsp-128x128.py']
optim_wrapper = dict(type='hourglass.BFloat16OptimWrapper', optimizer=dict(lr=2e-3))
parts = _base_.train_dataloader['dataset']['datasets']
train_dataloader = dict(dataset=dict(datasets=[
    parts[0], dict(parts[1], ann_file='joints_corrected.mat')]))
del parts
default_hooks = dict(
    matching=dict(may_differ=['backbone.heatmaps.*', 'backbone.reinjects.*.heatmaps.*']))
load_from = 'hourglass://people-small'
