# The paper's network: eight hourglasses of 256 features, one residual module at each place. Its
# input is RGB in [0, 1], without mean and deviation.
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255], bgr_to_rgb=True),
    backbone=dict(
        type='hourglass.StackedHourglass', num_stacks=8, channels=256, num_keypoints=16),
    head=dict(type='hourglass.StackedHeatmapHead'),
    test_cfg=dict(flip_test=True))
