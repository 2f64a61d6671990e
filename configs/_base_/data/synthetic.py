# What tools/prepare_synthetic.py writes: 16 MPII joints, head boxes, two folders.
_base_ = ['loaders.py']
dataset_type = 'hourglass.MpiiDataset'           # read by mmpose's inferencers
data = dict(type=dataset_type, data_root='{{$HOURGLASS_DATA:data}}/synthetic')
train_dataloader = dict(
    num_workers=1,
    dataset=dict(
        **data, ann_file='train/annotations.json', data_prefix=dict(img='train/images')))
val_dataloader = dict(
    dataset=dict(
        **data, ann_file='test/annotations.json', data_prefix=dict(img='test/images'),
        test_mode=True))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='hourglass.MpiiPCKh')
del data
