# MPII in the HRNet/mmpose folder: images/ and annotations/mpii_{train,val}.json, mpii_gt_val.mat.
train_dataloader = dict(
    batch_size=6, num_workers=4, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='hourglass.MpiiDataset', data_root='{{$HOURGLASS_DATA:data}}/mpii',
        ann_file='annotations/mpii_train.json'))
val_dataloader = dict(
    batch_size=32, num_workers=4, persistent_workers=True, drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='hourglass.MpiiDataset', data_root='{{$HOURGLASS_DATA:data}}/mpii',
        ann_file='annotations/mpii_val.json', head_box_file='annotations/mpii_gt_val.mat',
        test_mode=True))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='hourglass.MpiiPCKh')
