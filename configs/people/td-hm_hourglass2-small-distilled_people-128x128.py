# The same network, which learns from people at 160x160 as well as from the annotation.
_base_ = ['td-hm_hourglass2-small-milder_people-128x128.py']
model = dict(
    type='hourglass.DistilledPoseEstimator', alpha=0.5,
    teacher=dict(type='hourglass.TrainedModel', config='people'))
