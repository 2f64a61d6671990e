# Integral regression (Sun et al., ECCV 2018) of the last heatmaps: the loss is on the places.
_base_ = ['base.py']
labels = dict(
    type='IntegralRegressionLabel', input_size=_base_.input_size,
    heatmap_size=_base_.heatmap_size, sigma=1.0)
train_pipeline = [dict(step, encoder=labels) if step['type'] == 'GenerateTarget' else step
                  for step in _base_.train_pipeline]
train_dataloader = dict(dataset=dict(datasets=[
    dict(part, dataset=dict(part['dataset'], pipeline=train_pipeline))
    for part in _base_.train_dataloader['dataset']['datasets']]))
model = dict(
    head=dict(_delete_=True, type='IntegralRegressionHead', in_channels=16, num_joints=16,
              in_featuremap_size=_base_.heatmap_size, deconv_out_channels=None, final_layer=None,
              decoder=labels),
    test_cfg=dict(_delete_=True, flip_test=False))
del labels
