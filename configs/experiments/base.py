# The experiments' base: two stacks of 64 features, trained for a few minutes on four data sets at
# 96x96, a size at which a core takes many runs, and tested on LSP, stage by stage. Each other file
# changes one thing. HOURGLASS_SIDE in the environment is another side of the input, in px.
_base_ = ['../people/td-hm_hourglass2-small_people-128x128.py']
side = int('{{$HOURGLASS_SIDE:96}}')
input_size, heatmap_size = (side, side), (side // 4, side // 4)
codec = dict(_base_.codec, input_size=input_size, heatmap_size=heatmap_size)
resized = dict(input_size=input_size, encoder=codec)
train_pipeline, val_pipeline = (
    [dict(step, **{key: value for key, value in resized.items() if key in step})
     for step in pipeline] for pipeline in (_base_.train_pipeline, _base_.val_pipeline))
model = dict(head=dict(decoder=codec), test_cfg=dict(flip_test=False, all_stages=True))
train_dataloader = dict(
    batch_size=32, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(datasets=[
        dict(part, dataset=dict(part['dataset'], pipeline=train_pipeline))
        for part in _base_.train_dataloader['dataset']['datasets']]))
val_dataloader = test_dataloader = dict(dataset=dict(
    _base_.lsp_test, _delete_=True, pipeline=val_pipeline))
val_evaluator = test_evaluator = dict(_base_.lsp_evaluator, _delete_=True)
optim_wrapper = dict(type='hourglass.BFloat16OptimWrapper')

train_cfg = dict(
    _delete_=True, type='hourglass.IterationLoop', max_iters=400, val_interval=400)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, eta_min_ratio=2e-3)]
default_hooks = dict(
    average=dict(_delete_=True, type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.01,
                 gamma=100, update_buffers=True),
    checkpoint=dict(by_epoch=False, interval=400, max_keep_ckpts=1, save_best=None))
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(base_batch_size=32)
del resized, side
