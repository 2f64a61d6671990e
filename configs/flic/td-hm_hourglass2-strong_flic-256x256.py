# Two stacks instead of eight.
_base_ = ['td-hm_hourglass8-strong_flic-256x256.py']
model = dict(backbone=dict(num_stacks=2))
