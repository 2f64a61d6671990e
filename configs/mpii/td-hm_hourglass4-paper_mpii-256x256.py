# Four stacks instead of eight.
_base_ = ['td-hm_hourglass8-paper_mpii-256x256.py']
model = dict(backbone=dict(num_stacks=4))
