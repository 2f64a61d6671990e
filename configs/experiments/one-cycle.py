# One cycle of the learning rate over 400 iterations: it climbs for three tenths of them to 8e-3,
# twice the rate of the others, and then falls to almost zero.
_base_ = ['base.py']
param_scheduler = [dict(
    type='OneCycleLR', eta_max=8e-3, total_steps=_base_.train_cfg['max_iters'], by_epoch=False)]
