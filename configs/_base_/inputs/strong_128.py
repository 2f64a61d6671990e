# The strong input at 128x128 for small networks: targets of 1 px at 32x32, and milder ranges, which
# leave the capacity of a small network to poses that occur in tests.
_base_ = ['strong_256.py']
input_size, heatmap_size = (128, 128), (32, 32)
codec = dict(_base_.codec, input_size=input_size, heatmap_size=heatmap_size, sigma=1.0)
augmentation = dict(type='hourglass.PaperScaleRotation', scale=(0.8, 1.25), max_rotation=20)
instead = {
    'hourglass.LuaScaleRotation': augmentation,
    'hourglass.CropImage': dict(type='hourglass.CropImage', input_size=input_size),
    'GenerateTarget': dict(type='GenerateTarget', encoder=codec)}
train_pipeline, val_pipeline = (
    [instead.get(step['type'], step) for step in pipeline]
    for pipeline in (_base_.train_pipeline, _base_.val_pipeline))
