# Two stacks of 192 features, which begin as people, widened: hourglass convert
# projects/hourglass/weights/people.safetensors wide.pth --widen 1.5
_base_ = ['td-hm_hourglass2-medium_people-160x160.py']
model = dict(backbone=dict(channels=192, stem_channels=(48, 96, 96)))
load_from = 'wide.pth'
