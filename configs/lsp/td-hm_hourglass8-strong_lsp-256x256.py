# Eight stacks on LSP and LSP Extended with today's recipe.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/strong.py', '../_base_/data/lsp_extended.py',
    '../_base_/models/hourglass_8stack.py', '../_base_/inputs/strong_256.py']
model = dict(
    data_preprocessor=_base_.normalisation,
    backbone=dict(num_keypoints=14, heatmap_std=0.001), head=dict(decoder=_base_.codec))
custom_hooks = [*_base_.custom_hooks, _base_.average]
train_dataloader = dict(
    batch_size=32, num_workers=8,
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[
        dict(type='RepeatDataset', times=3,
             dataset=dict(_base_.lsp, pipeline=_base_.train_pipeline)),
        dict(_base_.lsp_extended, pipeline=_base_.train_pipeline)]))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='lsp/Total', rule='greater'))

train_cfg = dict(max_epochs=60, val_interval=2)
