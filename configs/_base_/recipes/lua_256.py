# The paper's network trained as the authors' code does it, where that differs from the paper.
_base_ = ['../schedules/paper.py', '../models/hourglass8.py', '../inputs/lua_256.py']
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
