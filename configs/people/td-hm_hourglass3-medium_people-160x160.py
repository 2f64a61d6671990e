# people with a third stack, trained on from its weights; those of the new stack are random.
_base_ = ['td-hm_hourglass2-medium_people-160x160.py']
model = dict(backbone=dict(num_stacks=3))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
default_hooks = dict(matching=dict(may_differ=[
    f'backbone.{part}.*' for part in ('hourglasses.2', 'features.2', 'heatmaps.2', 'reinjects.1')]))
load_from = 'hourglass://people'
