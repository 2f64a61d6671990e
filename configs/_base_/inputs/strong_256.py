# What today's practice changes in the paper's input: mean and deviation of ImageNet, joints without
# annotation left out of the loss, targets of 2 px at 64x64 (HRNet, FPD), unbiased decoding, and the
# authors' wider ranges of scale and rotation.
input_size, heatmap_size = (256, 256), (64, 64)
normalisation = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
codec = dict(
    type='hourglass.HourglassHeatmap', input_size=input_size, heatmap_size=heatmap_size,
    sigma=2.0, unannotated='mask', refine='parabola')
train_pipeline = [
    dict(type='hourglass.LoadPicture'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='hourglass.LuaScaleRotation'),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='hourglass.LuaColour'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='hourglass.LoadPicture'),
    dict(type='TopdownAffine', input_size=input_size),
    dict(type='PackPoseInputs'),
]
