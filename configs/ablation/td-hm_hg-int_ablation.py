# One long hourglass that also predicts twice on its way up (HG-Int).
_base_ = ['../_base_/ablation/{{$HOURGLASS_ABLATION:flic_64}}.py']
model = dict(
    backbone=dict(type='hourglass.LongHourglass', blocks_per_scale=8, side_predictions=2))
