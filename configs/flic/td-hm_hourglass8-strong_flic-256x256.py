# Eight stacks on FLIC with the strong recipe, aimed at the paper's elbow 99.0 and wrist 97.0.
_base_ = ['../_base_/recipes/strong_256.py', '../_base_/datasets/flic.py']
model = dict(backbone=dict(num_keypoints=11))
train_dataloader = dict(dataset=_base_.train_split)
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='flic/Wrist'))

train_cfg = dict(max_epochs=60, val_interval=2)
