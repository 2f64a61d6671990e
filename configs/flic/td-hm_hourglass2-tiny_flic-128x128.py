# Two stacks of 32 features with depthwise residuals: a seventh of the parameters of 'flic-small'.
_base_ = ['td-hm_hourglass2-small_flic-128x128.py']
model = dict(backbone=dict(channels=32, stem_channels=(16, 16, 32), residual='depthwise'))
