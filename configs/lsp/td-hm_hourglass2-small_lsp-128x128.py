# What two cores train in about an hour, and what is shipped as 'lsp-small': two stacks of 64
# features at 128x128.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/strong.py', '../_base_/data/lsp_extended.py',
    '../_base_/models/hourglass_2stack_64.py', '../_base_/inputs/strong_128.py']
# people in sport lean and lie
train_pipeline = [dict(step, max_rotation=40) if step == _base_.augmentation else step
                  for step in _base_.train_pipeline]
model = dict(
    data_preprocessor=_base_.normalisation, backbone=dict(num_keypoints=14),
    head=dict(decoder=_base_.codec))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=4e-3))
custom_hooks = [*_base_.custom_hooks, _base_.average]
train_dataloader = dict(
    batch_size=16, num_workers=1,
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[
        dict(type='RepeatDataset', times=3, dataset=dict(_base_.lsp, pipeline=train_pipeline)),
        dict(_base_.lsp_extended, pipeline=train_pipeline)]))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='lsp/Total', rule='greater'))

train_cfg = dict(max_epochs=5)
randomness = dict(seed=0)
auto_scale_lr = dict(base_batch_size=16)
