# A general network: two stacks of 64 features at 128x128 with MPII's 16 joints, trained on four
# data sets, the small ones repeated so that the mixture is more even.
_base_ = [
    '../_base_/schedules/strong.py', '../_base_/models/hourglass2_small.py',
    '../_base_/inputs/jittered_128.py', '../_base_/datasets/people.py']
model = dict(data_preprocessor=_base_.normalisation, head=dict(decoder=_base_.codec))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=4e-3))
train_dataloader = dict(batch_size=16, num_workers=1, dataset=dict(
    type='ConcatDataset', datasets=[
        dict(type='RepeatDataset', times=times, dataset=dict(split, pipeline=_base_.train_pipeline))
        for split, times in (
            (_base_.train_split, 3), (_base_.lsp_train, 3), (_base_.lsp_extended, 1),
            (_base_.flic_train, 1))]))
val_dataloader = test_dataloader = dict(
    num_workers=1, dataset=dict(_base_.val_split, pipeline=_base_.val_pipeline))
default_hooks = dict(checkpoint=dict(save_best='mpii/Total'))
randomness = dict(seed=0)
auto_scale_lr = dict(base_batch_size=16)

train_cfg = dict(max_epochs=12)
