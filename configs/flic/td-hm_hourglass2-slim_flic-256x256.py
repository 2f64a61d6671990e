# Two stacks of 128 features with the strong recipe: 3.4 MB in half precision.
_base_ = ['td-hm_hourglass2-strong_flic-256x256.py']
model = dict(backbone=dict(channels=128, stem_channels=(32, 64, 64)))
optim_wrapper = dict(optimizer=dict(lr=2e-3))
