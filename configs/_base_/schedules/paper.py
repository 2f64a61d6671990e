# The paper's optimiser: RMSprop at 2.5e-4 (section 4.1), with the constants of the authors' code
# (alpha 0.99, eps 1e-8, no momentum, no weight decay) and its batch of 6.
_base_ = ['../runtime.py']
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='RMSprop', lr=2.5e-4, alpha=0.99, eps=1e-8))
train_dataloader = dict(batch_size=6)
auto_scale_lr = dict(base_batch_size=6)
