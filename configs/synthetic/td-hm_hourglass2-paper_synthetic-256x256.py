# Two stacks of the paper's size on synthetic people, with the paper recipe.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/paper.py', '../_base_/data/synthetic.py',
    '../_base_/models/hourglass_8stack.py', '../_base_/inputs/paper_256.py']
model = dict(backbone=dict(num_stacks=2), head=dict(num_stages=2, decoder=_base_.codec))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='mpii/Total', rule='greater'))

train_cfg = dict(max_epochs=20)
param_scheduler = dict(type='MultiStepLR', milestones=[16], gamma=0.2, by_epoch=True)
