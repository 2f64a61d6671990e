# Crops that are moved, scaled and turned less.
_base_ = ['base.py']
milder = dict(type='hourglass.PaperScaleRotation', scale=(0.8, 1.25), max_rotation=20)
train_pipeline = [milder if step['type'] == 'RandomBBoxTransform' else step
                  for step in _base_.train_pipeline]
train_dataloader = dict(dataset=dict(datasets=[
    dict(part, dataset=dict(part['dataset'], pipeline=train_pipeline))
    for part in _base_.train_dataloader['dataset']['datasets']]))
del milder
