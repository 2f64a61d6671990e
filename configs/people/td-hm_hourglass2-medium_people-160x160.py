# Two stacks of 128 features on the same data and input, from random weights; those shipped began as
# the widened network of 64 (the card).
# Crops are moved, scaled and turned less, and half of those of the MPII subset lie around boxes as
# a detector finds them.
_base_ = ['td-hm_hourglass2-small_people-160x160.py']
train_pipeline = [
    _base_.milder if step == _base_.jitter else step for step in _base_.train_pipeline]
model = dict(backbone=dict(channels=128, stem_channels=(32, 64, 64)))
optim_wrapper = dict(type='hourglass.BFloat16OptimWrapper', optimizer=dict(lr=2e-3))
found = [dict(type='hourglass.CropAsFound'), *train_pipeline]
train_dataloader = dict(dataset=dict(datasets=[
    dict(part, dataset=dict(part['dataset'], pipeline=pipeline))
    for part, pipeline in zip(_base_.train_dataloader['dataset']['datasets'],
                              (found, train_pipeline, train_pipeline, train_pipeline))]))
del found
