# What a sample costs with mmpose's own transforms: FLIC as the paper has it, every step but the
# colour (mmpose has none like it) is mmpose's, and so are the heatmaps. To be measured
# (hourglass.analysis.benchmark), not trained. mmpose draws within the same ranges from a normal
# distribution, clipped.
_base_ = ['../flic/td-hm_hourglass8-paper_flic-256x256.py']
size = dict(input_size=(256, 256), heatmap_size=(64, 64))
encoder = dict(type='MSRAHeatmap', **size, sigma=1)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_prob=0, scale_factor=(0.75, 1.25), rotate_factor=30,
         rotate_prob=1),
    dict(type='TopdownAffine', input_size=size['input_size']),
    dict(type='hourglass.LuaColour'),
    dict(type='GenerateTarget', encoder=encoder),
    dict(type='PackPoseInputs'),
]
model = dict(head=dict(decoder=dict(_delete_=True, **encoder)), test_cfg=dict(flip_test=False))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
