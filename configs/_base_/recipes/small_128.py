# The strong recipe for two stacks of 64 features at 128x128, in float32 with smaller batches at a
# higher rate: two cores train them in about an hour.
_base_ = ['../schedules/strong.py', '../models/hourglass2_small.py', '../inputs/strong_128.py']
model = dict(data_preprocessor=_base_.normalisation, head=dict(decoder=_base_.codec))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=4e-3))
train_dataloader = dict(
    batch_size=16, num_workers=1, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = test_dataloader = dict(num_workers=2, dataset=dict(pipeline=_base_.val_pipeline))
randomness = dict(seed=0)
auto_scale_lr = dict(base_batch_size=16)
