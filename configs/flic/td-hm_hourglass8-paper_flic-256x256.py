# The paper's network on FLIC, eight stacks at 256x256. The paper does not state the length; 40
# passes over the 3,987 people, the last 8 at a fifth of the rate, are ours.
_base_ = [
    '../_base_/runtime.py', '../_base_/schedules/paper.py', '../_base_/data/flic.py',
    '../_base_/models/hourglass_8stack.py', '../_base_/inputs/paper_256.py']
model = dict(backbone=dict(num_keypoints=11), head=dict(decoder=_base_.codec))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='flic/Wrist', rule='greater'))

train_cfg = dict(max_epochs=40)
param_scheduler = dict(type='MultiStepLR', milestones=[32], gamma=0.2, by_epoch=True)
