# What today's practice trains with: AdamW with a warm-up and a cosine to nothing, bfloat16, a batch
# of 32, and a moving average of the weights, which is what is validated and saved.
optim_wrapper = dict(
    type='hourglass.BFloat16OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=200),
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, eta_min=1e-6),
]
average = dict(
    type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.001, gamma=500, update_buffers=True)
auto_scale_lr = dict(base_batch_size=32)
