# Two stacks of one module: a quarter of the capacity.
_base_ = ['../_base_/ablation/{{$HOURGLASS_ABLATION:flic_64}}.py']
model = dict(backbone=dict(num_stacks=2, blocks_per_scale=1))
