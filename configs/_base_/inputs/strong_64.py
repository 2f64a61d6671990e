# The strong input of small networks at 64x64, with 16x16 targets.
_base_ = ['strong_128.py']
input_size, heatmap_size = (64, 64), (16, 16)
codec = dict(_base_.codec, input_size=input_size, heatmap_size=heatmap_size)
resized = dict(input_size=input_size, encoder=codec)
train_pipeline, val_pipeline = (
    [dict(step, **{key: value for key, value in resized.items() if key in step})
     for step in pipeline] for pipeline in (_base_.train_pipeline, _base_.val_pipeline))
