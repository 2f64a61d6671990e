# The strong input at 384x384, with 96x96 targets of 3 px.
_base_ = ['strong_256.py']
input_size, heatmap_size = (384, 384), (96, 96)
codec = dict(
    _base_.codec, input_size=input_size, heatmap_size=heatmap_size, sigma=3.0)
resized = dict(input_size=input_size, encoder=codec)
train_pipeline, val_pipeline = (
    [dict(step, **{key: value for key, value in resized.items() if key in step})
     for step in pipeline] for pipeline in (_base_.train_pipeline, _base_.val_pipeline))
