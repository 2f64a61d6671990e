# FLIC as published: images/ and examples.mat; the paper's observer-centric labels. Its test split
# is validated on as well, as FLIC has no third one.
dataset_type = 'hourglass.FlicDataset'           # read by mmpose's inferencers
folder = dict(type=dataset_type, data_root='{{$HOURGLASS_DATA:data}}/flic')
train_split = dict(**folder, split='train')
val_split = dict(**folder, split='test', test_mode=True)
val_evaluator = test_evaluator = dict(type='hourglass.FlicPCK')
del folder
