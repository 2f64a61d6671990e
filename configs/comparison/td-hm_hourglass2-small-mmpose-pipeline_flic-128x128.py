# The same at 128x128, with the ranges of configs/flic/td-hm_hourglass2-small_flic-128x128.py.
_base_ = ['../flic/td-hm_hourglass2-small_flic-128x128.py']
size = dict(input_size=(128, 128), heatmap_size=(32, 32))
encoder = dict(type='MSRAHeatmap', **size, sigma=1)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_prob=0, scale_factor=(0.8, 1.25), rotate_factor=20,
         rotate_prob=1),
    dict(type='TopdownAffine', input_size=size['input_size']),
    dict(type='hourglass.LuaColour'),
    dict(type='GenerateTarget', encoder=encoder),
    dict(type='PackPoseInputs'),
]
model = dict(head=dict(decoder=dict(_delete_=True, **encoder)), test_cfg=dict(flip_test=False))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
