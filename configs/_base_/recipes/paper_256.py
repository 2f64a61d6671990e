# The paper: its network, input and optimiser. An experiment adds the people and the length.
_base_ = ['../schedules/paper.py', '../models/hourglass8.py', '../inputs/paper_256.py']
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
