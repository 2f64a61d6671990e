# A network that two cores can train at 128x128: two hourglasses of 64 features from 32x32 down to
# the paper's 4x4, a stem to match, and predictions that start at empty heatmaps.
_base_ = ['hourglass8.py']
model = dict(backbone=dict(
    num_stacks=2, channels=64, depth=3, stem_channels=(16, 32, 32), heatmap_std=0.001))
