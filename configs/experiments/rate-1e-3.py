# A quarter of the learning rate.
_base_ = ['base.py']
optim_wrapper = dict(optimizer=dict(lr=1e-3))
