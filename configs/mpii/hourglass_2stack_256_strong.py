# Two stacks instead of eight.
_base_ = ['hourglass_8stack_256_strong.py']
model = dict(backbone=dict(num_stacks=2), head=dict(num_stages=2))
