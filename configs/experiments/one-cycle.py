# One cycle of the learning rate over all iterations: it climbs for three tenths of them to 8e-3,
# twice the rate of the others, and then falls to almost zero.
_base_ = ['base.py']
param_scheduler = [dict(type='OneCycleLR', eta_max=8e-3, by_epoch=False)]
