# One stack instead of eight.
_base_ = ['hourglass_8stack_256_paper.py']
model = dict(backbone=dict(num_stacks=1), head=dict(num_stages=1))
