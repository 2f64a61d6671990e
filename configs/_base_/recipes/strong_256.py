# The paper's network trained as is current practice. An experiment adds the people and the length.
_base_ = ['../schedules/strong.py', '../models/hourglass8.py', '../inputs/strong_256.py']
model = dict(
    data_preprocessor=_base_.normalisation, backbone=dict(heatmap_std=0.001),
    head=dict(decoder=_base_.codec))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
