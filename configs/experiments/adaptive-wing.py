# Adaptive Wing loss (Wang et al., ICCV 2019).
_base_ = ['base.py']
model = dict(head=dict(loss=dict(type='mmpose.AdaptiveWingLoss', use_target_weight=True)))
