# MPII in the HRNet/mmpose folder: images/ and annotations/mpii_{train,val}.json, mpii_gt_val.mat.
dataset_type = 'hourglass.MpiiDataset'           # read by mmpose's inferencers
folder = dict(type=dataset_type, data_root='{{$HOURGLASS_DATA:data}}/mpii')
train_split = dict(**folder, ann_file='annotations/mpii_train.json')
val_split = dict(
    **folder, ann_file='annotations/mpii_val.json', head_box_file='annotations/mpii_gt_val.mat',
    test_mode=True)
val_evaluator = test_evaluator = dict(type='hourglass.MpiiPCKh')
del folder
