# 128x128 input and 32x32 targets for runs of minutes: milder augmentation than the paper's, which
# needs far more steps, and unbiased decoding, as a quarter of a cell is a lot at this size.
input_size, heatmap_size = (128, 128), (32, 32)
codec = dict(
    type='hourglass.HourglassHeatmap', input_size=input_size, heatmap_size=heatmap_size,
    sigma=1.0, unannotated='zero', refine='parabola')
train_pipeline = [
    dict(type='hourglass.DrawFlip'),
    dict(type='hourglass.PaperScaleRotation', scale=(0.85, 1.15), max_rotation=15),
    dict(type='hourglass.CropImage', input_size=input_size),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='hourglass.PackPerson'),
]
val_pipeline = [
    dict(type='hourglass.LoadImage'),
    dict(type='hourglass.BoxToCrop'),
    dict(type='hourglass.CropImage', input_size=input_size),
    dict(type='PackPoseInputs'),
]
