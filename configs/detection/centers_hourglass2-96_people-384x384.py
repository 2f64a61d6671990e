# Two stacks of 96 features, which begin as the detector of the package.
_base_ = ['centers_hourglass2-small_people-384x384.py']
model = dict(backbone=dict(channels=96, stem_channels=(24, 48, 48)))
load_from = 'hourglass://people-384'
