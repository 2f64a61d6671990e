# The paper's input changed to current practice: mean and deviation of ImageNet, joints without
# annotation ignored in the loss, targets of 2 px at 64x64 (HRNet, FPD), unbiased decoding, and the
# wider ranges of scale and rotation of the authors' code.
_base_ = ['paper_256.py']
normalisation = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
codec = dict(_base_.codec, sigma=2.0, unannotated='mask', refine='parabola')
instead = {
    'hourglass.PaperScaleRotation': dict(type='hourglass.LuaScaleRotation'),
    'GenerateTarget': dict(type='GenerateTarget', encoder=codec)}
train_pipeline = [instead.get(step['type'], step) for step in _base_.train_pipeline]
