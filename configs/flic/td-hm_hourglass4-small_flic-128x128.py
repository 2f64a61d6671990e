# Two more stacks behind 'flic-small', shipped as 'flic-small4': a network that people can leave
# early ('hourglass benchmark exits'). Most of an hour for one core. The shipped weights began with
# an earlier 'flic-small', which had learned from FLIC alone (before commit 47accdd).
_base_ = ['td-hm_hourglass2-small_flic-128x128.py']
model = dict(backbone=dict(num_stacks=4))
load_from = 'hourglass://flic-small'
default_hooks = dict(matching=dict(may_differ=[         # the stacks that flic-small does not have
    'backbone.reinjects.[12].*', *(
        f'backbone.{part}.[23].*' for part in ('hourglasses', 'features', 'heatmaps'))]))
optim_wrapper = dict(optimizer=dict(lr=2e-3))
train_cfg = dict(max_epochs=8)
