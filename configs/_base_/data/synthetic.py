# What tools/prepare_synthetic.py writes: 16 MPII joints, head boxes, two folders.
train_dataloader = dict(
    batch_size=8, num_workers=1, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='hourglass.MpiiDataset', data_root='{{$HOURGLASS_DATA:data}}/synthetic',
        ann_file='train/annotations.json', data_prefix=dict(img='train/images')))
val_dataloader = dict(
    batch_size=32, num_workers=2, persistent_workers=True, drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='hourglass.MpiiDataset', data_root='{{$HOURGLASS_DATA:data}}/synthetic',
        ann_file='test/annotations.json', data_prefix=dict(img='test/images'), test_mode=True))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='hourglass.MpiiPCKh')
