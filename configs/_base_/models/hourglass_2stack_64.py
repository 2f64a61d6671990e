# A network that two cores can train: two hourglasses of 64 features, and a stem to match.
_base_ = ['hourglass_8stack.py']
model = dict(
    backbone=dict(num_stacks=2, channels=64, stem_channels=(16, 32, 32)), head=dict(num_stages=2))
