# The paper's network and recipe on Leeds Sports Pose, which the paper does not report; the length
# is ours.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/paper.py', '../_base_/data/lsp.py',
    '../_base_/models/hourglass_8stack.py', '../_base_/inputs/paper_256.py']
model = dict(backbone=dict(num_keypoints=14), head=dict(decoder=_base_.codec))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='lsp/Total', rule='greater'))

train_cfg = dict(max_epochs=60)
param_scheduler = dict(type='MultiStepLR', milestones=[50], gamma=0.2, by_epoch=True)
