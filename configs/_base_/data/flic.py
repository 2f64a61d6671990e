# FLIC as published: images/ and examples.mat; the paper's observer-centric labels.
train_dataloader = dict(
    batch_size=6, num_workers=2, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='hourglass.FlicDataset', data_root='{{$HOURGLASS_DATA:data}}/flic', split='train'))
val_dataloader = dict(
    batch_size=32, num_workers=2, persistent_workers=True, drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='hourglass.FlicDataset', data_root='{{$HOURGLASS_DATA:data}}/flic', split='test',
        test_mode=True))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='hourglass.FlicPCK')
