# The paper's network and recipe at 384x384, which the paper does not report.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/paper.py', '../_base_/data/mpii.py',
    '../_base_/models/hourglass_8stack.py', '../_base_/inputs/paper_384.py']
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='mpii/Total', rule='greater'))

train_cfg = dict(max_epochs=230)
param_scheduler = dict(type='MultiStepLR', milestones=[216], gamma=0.2, by_epoch=True)
