# No loss after the first stack.
_base_ = ['base.py']
model = dict(head=dict(stage_weights=(0, 1)))
