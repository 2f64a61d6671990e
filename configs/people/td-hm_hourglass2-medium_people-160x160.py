# The same data and input for two stacks of 128 features, which begin as widened copies of 64.
_base_ = ['td-hm_hourglass2-small_people-160x160.py']
model = dict(backbone=dict(channels=128, stem_channels=(32, 64, 64)))
optim_wrapper = dict(type='hourglass.BFloat16OptimWrapper', optimizer=dict(lr=2e-3))
