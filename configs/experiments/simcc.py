# Two classifications over half px, one an axis, instead of heatmaps (SimCC, Li et al., ECCV 2022).
_base_ = ['base.py']
labels = dict(
    type='SimCCLabel', input_size=_base_.input_size, sigma=3.0, simcc_split_ratio=2.0)
train_pipeline = [dict(step, encoder=labels) if step['type'] == 'GenerateTarget' else step
                  for step in _base_.train_pipeline]
train_dataloader = dict(dataset=dict(datasets=[
    dict(part, dataset=dict(part['dataset'], pipeline=train_pipeline))
    for part in _base_.train_dataloader['dataset']['datasets']]))
model = dict(
    backbone=dict(num_keypoints=None, out_indices=(1,)),
    head=dict(_delete_=True, type='SimCCHead', in_channels=64, out_channels=16,
              input_size=_base_.input_size, in_featuremap_size=_base_.heatmap_size,
              simcc_split_ratio=2.0, deconv_out_channels=None, decoder=labels),
    test_cfg=dict(_delete_=True, flip_test=False))
optim_wrapper = dict(type='OptimWrapper')         # its accuracy cannot be taken in bfloat16
del labels
