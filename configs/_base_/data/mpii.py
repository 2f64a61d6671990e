# MPII in the HRNet/mmpose folder: images/ and annotations/mpii_{train,val}.json, mpii_gt_val.mat.
_base_ = ['loaders.py']
dataset_type = 'hourglass.MpiiDataset'           # read by mmpose's inferencers
data = dict(type=dataset_type, data_root='{{$HOURGLASS_DATA:data}}/mpii')
train_dataloader = dict(
    num_workers=4, dataset=dict(**data, ann_file='annotations/mpii_train.json'))
val_dataloader = dict(
    num_workers=4,
    dataset=dict(
        **data, ann_file='annotations/mpii_val.json', head_box_file='annotations/mpii_gt_val.mat',
        test_mode=True))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='hourglass.MpiiPCKh')
del data
