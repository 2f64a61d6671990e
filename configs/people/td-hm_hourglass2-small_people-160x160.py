# The same network at 160x160, with targets as wide on the person as those at 128x128.
_base_ = ['td-hm_hourglass2-small_people-128x128.py']
input_size, heatmap_size = (160, 160), (40, 40)
codec = dict(_base_.codec, input_size=input_size, heatmap_size=heatmap_size, sigma=1.25)
instead = {
    'hourglass.CropImage': dict(type='hourglass.CropImage', input_size=input_size),
    'GenerateTarget': dict(type='GenerateTarget', encoder=codec)}
train_pipeline, val_pipeline = (
    [instead.get(step['type'], step) for step in pipeline]
    for pipeline in (_base_.train_pipeline, _base_.val_pipeline))
model = dict(head=dict(decoder=codec))
train_dataloader = dict(dataset=dict(datasets=[
    dict(part, dataset=dict(part['dataset'], pipeline=train_pipeline))
    for part in _base_.train_dataloader['dataset']['datasets']]))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=val_pipeline))
