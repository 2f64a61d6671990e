# Eight stacks without intermediate supervision: a loss on the last alone (HG-Stacked).
_base_ = ['../_base_/ablation/{{$HOURGLASS_ABLATION:flic_64}}.py']
model = dict(backbone=dict(num_stacks=8), head=dict(stage_weights=[0, 0, 0, 0, 0, 0, 0, 1]))
