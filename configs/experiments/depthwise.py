# Separable 3x3 convolutions.
_base_ = ['base.py']
model = dict(backbone=dict(residual='depthwise'))
