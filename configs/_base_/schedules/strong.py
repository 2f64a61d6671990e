# Current practice: AdamW with a warm-up and a cosine to zero, bfloat16, a batch of 32, and a moving
# average of the weights, which is validated and saved.
_base_ = ['../runtime.py']
optim_wrapper = dict(
    type='hourglass.BFloat16OptimWrapper', constructor='hourglass.FusedOptimizerConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=200),
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, eta_min_ratio=1e-3),
]
default_hooks = dict(average=dict(
    type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.001, gamma=500, update_buffers=True))
train_dataloader = dict(batch_size=32, num_workers=8)
auto_scale_lr = dict(base_batch_size=32)
