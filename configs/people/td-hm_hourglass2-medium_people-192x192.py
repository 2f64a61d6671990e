# The network of `people` at 192x192, trained further from its weights, with targets as wide on the
# person as those at 160x160.
_base_ = ['td-hm_hourglass2-medium_people-160x160.py']
input_size, heatmap_size = (192, 192), (48, 48)
codec = dict(_base_.codec, input_size=input_size, heatmap_size=heatmap_size, sigma=1.5)
resized = dict(input_size=input_size, encoder=codec)
train_pipeline, val_pipeline, *pipelines = (
    [dict(step, **{key: value for key, value in resized.items() if key in step})
     for step in pipeline] for pipeline in (
         _base_.train_pipeline, _base_.val_pipeline,
         *(part['dataset']['pipeline'] for part in _base_.train_dataloader['dataset']['datasets'])))
model = dict(head=dict(decoder=codec))
train_dataloader = dict(dataset=dict(datasets=[
    dict(part, dataset=dict(part['dataset'], pipeline=pipeline))
    for part, pipeline in zip(_base_.train_dataloader['dataset']['datasets'], pipelines)]))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=val_pipeline))
load_from = 'hourglass://people'
del resized, pipelines
