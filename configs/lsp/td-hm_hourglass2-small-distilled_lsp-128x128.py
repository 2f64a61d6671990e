# The network that is shipped as 'lsp-small': it learns from people at 160x160 as well as from the
# annotation.
_base_ = ['td-hm_hourglass2-small-people_lsp-128x128.py']
model = dict(
    type='hourglass.DistilledPoseEstimator', alpha=0.5,
    teacher=dict(type='hourglass.TrainedModel', config='people'),
    keypoints=['right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle',
               'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow',
               'left_wrist', 'upper_neck', 'head_top'])
