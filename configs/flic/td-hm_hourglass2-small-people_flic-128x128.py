# The small network, trained on from people-small.
_base_ = ['td-hm_hourglass2-small_flic-128x128.py']
optim_wrapper = dict(type='hourglass.BFloat16OptimWrapper', optimizer=dict(lr=2e-3))
default_hooks = dict(
    matching=dict(may_differ=['backbone.heatmaps.*', 'backbone.reinjects.*.heatmaps.*']))
load_from = 'hourglass://people-small'
