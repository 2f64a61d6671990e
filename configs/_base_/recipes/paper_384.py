# The paper's network and optimiser at 384x384.
_base_ = ['../schedules/paper.py', '../models/hourglass8.py', '../inputs/paper_384.py']
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
