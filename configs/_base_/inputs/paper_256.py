# From an annotated person to a 256x256 input and 64x64 targets, as in the paper (section 4.1):
# scale 0.75 to 1.25, rotation 30 degrees to either side, flips, no translation. The paper says
# nothing of colour; the authors' code multiplies each channel by 0.6 to 1.4.
input_size, heatmap_size = (256, 256), (64, 64)
codec = dict(
    type='hourglass.HourglassHeatmap', input_size=input_size, heatmap_size=heatmap_size,
    sigma=1.0, unannotated='zero', refine='quarter')
train_pipeline = [
    dict(type='hourglass.DrawFlip'),
    dict(type='hourglass.PaperScaleRotation'),
    dict(type='hourglass.CropImage', input_size=input_size),
    dict(type='hourglass.LuaColour'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='hourglass.PackPerson'),
]
val_pipeline = [
    dict(type='hourglass.LoadImage'),
    dict(type='hourglass.BoxToCrop'),
    dict(type='hourglass.CropImage', input_size=input_size),
    dict(type='PackPoseInputs'),
]
