# Two stacks of four modules: the capacity of eight.
_base_ = ['../_base_/ablation/{{$HOURGLASS_ABLATION:flic_64}}.py']
model = dict(backbone=dict(num_stacks=2, blocks_per_scale=4))
