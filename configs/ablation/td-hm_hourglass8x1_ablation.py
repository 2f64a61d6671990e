# Eight stacks of one residual module at every place: the paper's network (HG-Stacked-Int).
_base_ = ['../_base_/ablation/{{$HOURGLASS_ABLATION:flic_64}}.py']
model = dict(backbone=dict(num_stacks=8, blocks_per_scale=1))
