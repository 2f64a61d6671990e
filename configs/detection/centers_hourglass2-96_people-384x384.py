# Two stacks of 96 features, which begin as the detector of 64 features, widened: hourglass convert
# projects/hourglass/weights/detection/people-384.safetensors wide.pth --widen 1.5
_base_ = ['centers_hourglass2-small_people-384x384.py']
model = dict(backbone=dict(channels=96, stem_channels=(24, 48, 48)))
load_from = 'wide.pth'
