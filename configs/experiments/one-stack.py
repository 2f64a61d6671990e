# One stack of 88 features, which has about the multiply-adds of two stacks of 64.
_base_ = ['base.py']
model = dict(backbone=dict(num_stacks=1, channels=88))
