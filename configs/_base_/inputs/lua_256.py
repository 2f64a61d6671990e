# The authors' code (pose-hg-train) where it differs from the paper: its ranges of scale and
# rotation, and Gaussians of 1.75 px in the middle of the joint's cell.
_base_ = ['paper_256.py']
codec = dict(_base_.codec, sigma=1.75, centers='cell')
train_pipeline = [
    dict(type='hourglass.LoadPicture'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='hourglass.LuaScaleRotation'),
    dict(type='TopdownAffine', input_size=_base_.input_size),
    dict(type='hourglass.LuaColour'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
