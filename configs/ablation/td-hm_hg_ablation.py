# One long hourglass with the modules of eight stacks (HG).
_base_ = ['../_base_/ablation/{{$HOURGLASS_ABLATION:flic_64}}.py']
model = dict(backbone=dict(type='hourglass.LongHourglass', blocks_per_scale=8))
