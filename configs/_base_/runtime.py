# The settings of a run for every network and data set: hooks, loaders, logs, processes. A run that
# was stopped or killed continues exactly where it was with --resume.
default_scope = 'mmpose'
custom_imports = dict(imports=['hourglass'], allow_failed_imports=False)
data_mode = 'topdown'               # read by mmpose's inferencers

default_hooks = dict(
    timer=dict(type='IterTimerHook', priority='BELOW_NORMAL'),      # after EMAHook
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='hourglass.SafeCheckpointHook', interval=1, max_keep_ckpts=2, rule='greater'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='hourglass.OverlayHook', enable=False, interval=1),
    channels_last=dict(type='hourglass.ChannelsLastHook'),
    matching=dict(type='hourglass.MatchingCheckpointHook'),
    progress=dict(type='hourglass.ProgressBarHook'),
    stop=dict(type='hourglass.StopHook'),
    finite_loss=dict(type='hourglass.FiniteLossHook'),
    loader_watch=dict(type='hourglass.LoaderWatchHook', minutes=5),
    batch_norm=dict(type='hourglass.BatchNormHook'))

train_dataloader = dict(
    num_workers=4, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
val_dataloader = test_dataloader = dict(
    batch_size=32, num_workers=4, persistent_workers=True, drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False))

# Several processes (tools/dist_train.sh) train as one would on the union of their batches; with
# sync_bn='torch' in batch normalisation, too. Without a GPU they meet over gloo.
model_wrapper_cfg = dict(type='hourglass.DataParallel')
env_cfg = dict(
    cudnn_benchmark=True,           # every batch has the same size
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
visualizer = dict(
    type='PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True)
log_level = 'INFO'
randomness = dict(seed=None)         # a number makes a run repeatable
load_from = None
resume = False

train_cfg = dict(type='hourglass.EpochLoop', val_interval=1)
val_cfg = dict()
test_cfg = dict()
