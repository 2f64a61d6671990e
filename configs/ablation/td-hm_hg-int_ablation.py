# One long hourglass with two predictions on its way up, too (HG-Int).
_base_ = ['../_base_/ablation/{{$HOURGLASS_ABLATION:flic_64}}.py']
model = dict(
    backbone=dict(type='hourglass.LongHourglass', blocks_per_scale=8, side_predictions=2),
    head=dict(num_stages=3))
