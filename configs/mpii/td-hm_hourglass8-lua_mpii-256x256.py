# The paper's network trained as the authors' code does it, where that differs from the paper.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/paper.py', '../_base_/data/mpii.py',
    '../_base_/models/hourglass_8stack.py', '../_base_/inputs/lua_256.py']
model = dict(head=dict(decoder=_base_.codec))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='mpii/Total', rule='greater'))

train_cfg = dict(max_epochs=230)
param_scheduler = dict(type='MultiStepLR', milestones=[216], gamma=0.2, by_epoch=True)
