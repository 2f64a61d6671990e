# The paper's network on FLIC, eight stacks at 256x256. The paper does not state the length; 40
# passes over the 3,987 people, the last 8 at a fifth of the rate, are ours.
_base_ = ['../_base_/recipes/paper_256.py', '../_base_/datasets/flic.py']
model = dict(backbone=dict(num_keypoints=11))
train_dataloader = dict(dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='flic/Wrist'))

train_cfg = dict(max_epochs=40)
param_scheduler = dict(type='MultiStepLR', milestones=[32], gamma=0.2, by_epoch=True)
