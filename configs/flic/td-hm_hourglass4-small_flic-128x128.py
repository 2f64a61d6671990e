# Two further stacks behind 'flic-small', as 'flic-small4' is shipped: a network that people can
# leave early (tools/exits.py). Most of an hour for one core.
_base_ = ['td-hm_hourglass2-small_flic-128x128.py']
model = dict(backbone=dict(num_stacks=4), head=dict(num_stages=4))
load_from = 'hourglass://flic-small'
grown = ['backbone.reinjects.1.*', 'backbone.reinjects.2.*', *(
    f'backbone.{part}.{stack}.*' for part in ('hourglasses', 'features', 'heatmaps')
    for stack in (2, 3))]
custom_hooks = [
    dict(hook, may_differ=grown) if hook['type'] == 'hourglass.MatchingCheckpointHook' else hook
    for hook in _base_.custom_hooks]
optim_wrapper = dict(optimizer=dict(lr=2e-3))
train_cfg = dict(max_epochs=8)
