# An input of 64x64 instead of 96x96.
_base_ = ['base.py']
input_size, heatmap_size = (64, 64), (16, 16)
codec = dict(_base_.codec, input_size=input_size, heatmap_size=heatmap_size)
resized = dict(input_size=input_size, encoder=codec)
train_pipeline, val_pipeline = (
    [dict(step, **{key: value for key, value in resized.items() if key in step})
     for step in pipeline] for pipeline in (_base_.train_pipeline, _base_.val_pipeline))
model = dict(head=dict(decoder=codec))
train_dataloader = dict(dataset=dict(datasets=[
    dict(part, dataset=dict(part['dataset'], pipeline=train_pipeline))
    for part in _base_.train_dataloader['dataset']['datasets']]))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=val_pipeline))
del resized
