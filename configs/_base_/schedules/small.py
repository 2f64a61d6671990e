# For small networks and short runs: AdamW with a warm-up and a cosine to zero, batch 8.
_base_ = ['../runtime.py']
optim_wrapper = dict(
    type='OptimWrapper', constructor='hourglass.FusedOptimizerConstructor',
    optimizer=dict(type='AdamW', lr=6e-3, weight_decay=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, eta_min_ratio=2e-3),
]
train_dataloader = dict(batch_size=8)
auto_scale_lr = dict(base_batch_size=8)
