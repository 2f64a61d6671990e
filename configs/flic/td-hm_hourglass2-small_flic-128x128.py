# The network of 'flic-small', two stacks of 64 features at 128x128, from random weights. Those that
# are shipped are of td-hm_hourglass2-small-distilled_flic-128x128.py.
_base_ = ['../_base_/recipes/small_128.py', '../_base_/datasets/flic.py']
model = dict(backbone=dict(num_keypoints=11))
train_dataloader = dict(dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='flic/Wrist'))

train_cfg = dict(max_epochs=24, val_interval=4)
