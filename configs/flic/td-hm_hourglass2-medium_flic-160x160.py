# FLIC's 11 joints with the paper's observer-centric labels, trained on from `people`. (`flic` began
# with other weights: its card.)
_base_ = ['../people/td-hm_hourglass2-medium_people-160x160.py']
dataset_type = 'hourglass.FlicDataset'
folder = {key: value for key, value in _base_.flic_train.items()
          if key not in ('skeleton', 'labels')}
train_pipeline = [_base_.augmentation if step == _base_.milder else step
                  for step in _base_.train_pipeline]
model = dict(backbone=dict(num_keypoints=11))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_dataloader = dict(dataset=dict(folder, _delete_=True, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(
    folder, _delete_=True, split='test', test_mode=True, pipeline=_base_.val_pipeline))
val_evaluator = test_evaluator = dict(_delete_=True, type='hourglass.FlicPCK')
default_hooks = dict(
    checkpoint=dict(save_best='flic/Wrist'),
    matching=dict(may_differ=['backbone.heatmaps.*', 'backbone.reinjects.*.heatmaps.*']))
load_from = 'hourglass://people'
del folder
