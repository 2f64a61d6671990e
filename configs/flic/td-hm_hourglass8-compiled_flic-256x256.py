# The strong recipe for a short slot on a GPU (hourglass train ... --minutes 9): the residual modules
# are compiled, and more workers make the batches.
_base_ = ['td-hm_hourglass8-strong_flic-256x256.py']
default_hooks = dict(compile=dict(type='hourglass.CompileHook'))
train_dataloader = dict(num_workers=12, pin_memory=True)
