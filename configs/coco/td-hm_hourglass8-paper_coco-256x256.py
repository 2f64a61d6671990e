# The paper's network and recipe on COCO's people, 17 joints, which the paper does not report; the
# length is ours. Tests and converted networks (FPD's) take the annotated boxes.
_base_ = ['../_base_/recipes/paper_256.py', '../_base_/datasets/coco_2017.py']
model = dict(backbone=dict(num_keypoints=17))
train_dataloader = dict(dataset=dict(
    _base_.train_split,
    pipeline=[dict(type='GetBBoxCenterScale', padding=1.25), *_base_.train_pipeline]))
val_dataloader = test_dataloader = dict(dataset=_base_.val_split)
default_hooks = dict(checkpoint=dict(save_best='oks/AP'))

train_cfg = dict(max_epochs=60)
param_scheduler = dict(type='MultiStepLR', milestones=[50], gamma=0.2, by_epoch=True)
