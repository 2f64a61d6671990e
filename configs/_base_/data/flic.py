# FLIC as published: images/ and examples.mat; the paper's observer-centric labels.
_base_ = ['loaders.py']
dataset_type = 'hourglass.FlicDataset'           # read by mmpose's inferencers
data = dict(type=dataset_type, data_root='{{$HOURGLASS_DATA:data}}/flic')
train_dataloader = dict(dataset=dict(**data, split='train'))
val_dataloader = dict(dataset=dict(**data, split='test', test_mode=True))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='hourglass.FlicPCK')
del data
