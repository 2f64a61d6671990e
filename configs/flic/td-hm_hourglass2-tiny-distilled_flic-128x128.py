# The same network, which learns from 'flic-small' as well as from the annotation.
_base_ = ['td-hm_hourglass2-tiny_flic-128x128.py']
model = dict(
    type='hourglass.DistilledPoseEstimator', alpha=0.5,
    teacher=dict(type='hourglass.TrainedModel', config='flic-small'))
