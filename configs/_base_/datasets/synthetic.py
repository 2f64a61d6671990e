# The two folders that 'hourglass prepare synthetic' writes: MPII's 16 joints and head boxes.
dataset_type = 'hourglass.MpiiDataset'           # read by mmpose's inferencers
folder = dict(type=dataset_type, data_root='{{$HOURGLASS_DATA:data}}/synthetic')
train_split = dict(
    **folder, ann_file='train/annotations.json', data_prefix=dict(img='train/images'))
val_split = dict(
    **folder, ann_file='test/annotations.json', data_prefix=dict(img='test/images'),
    test_mode=True)
val_evaluator = test_evaluator = dict(type='hourglass.MpiiPCKh')
del folder
