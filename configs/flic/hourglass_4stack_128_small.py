# Two further stacks behind 'flic-small': what is shipped as 'flic-small4', whose people leave the
# network after the stack that suits them. Another hour for two cores.
_base_ = ['hourglass_2stack_128_small.py']
model = dict(backbone=dict(num_stacks=4), head=dict(num_stages=4))
load_from = 'projects/hourglass/weights/flic-small.safetensors'
grown = [f'backbone.{part}.{stack}.*' for part in ('hourglasses', 'features', 'heatmaps')
         for stack in (2, 3)] + ['backbone.reinjects.1.*', 'backbone.reinjects.2.*']
custom_hooks = [
    dict(hook, may_differ=grown) if hook['type'] == 'hourglass.MatchingCheckpointHook' else hook
    for hook in _base_.custom_hooks]
optim_wrapper = dict(optimizer=dict(lr=2e-3))
train_cfg = dict(max_epochs=8)
