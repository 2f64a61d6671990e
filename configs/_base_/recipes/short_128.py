# For runs of minutes on two cores: two stacks of 64 features at 128x128, mild augmentation.
_base_ = ['../schedules/small.py', '../models/hourglass2_small.py', '../inputs/short_128.py']
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(num_workers=1, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(num_workers=2, dataset=dict(pipeline=_base_.val_pipeline))
