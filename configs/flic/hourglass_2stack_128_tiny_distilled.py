# The same network, taught by 'flic-small' as well as by the annotation.
_base_ = ['hourglass_2stack_128_tiny.py']
model = dict(
    type='hourglass.DistilledPoseEstimator', alpha=0.5,
    teacher=dict(type='hourglass.TrainedModel', config='flic-small'))
