# A network that two cores can train: two hourglasses, 64 features.
_base_ = ['hourglass_8stack.py']
model = dict(backbone=dict(num_stacks=2, channels=64), head=dict(num_stages=2))
