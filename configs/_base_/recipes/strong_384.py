# The strong recipe at 384x384: half the batch, at half the rate.
_base_ = ['../schedules/strong.py', '../models/hourglass8.py', '../inputs/strong_384.py']
model = dict(
    data_preprocessor=_base_.normalisation, backbone=dict(heatmap_std=0.001),
    head=dict(decoder=_base_.codec))
optim_wrapper = dict(optimizer=dict(lr=5e-4))
train_dataloader = dict(batch_size=16, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
auto_scale_lr = dict(base_batch_size=16)
