# Leeds Sports Pose as published: images/ and joints.mat, the first thousand people to train, the
# second to test.
_base_ = ['loaders.py']
dataset_type = 'hourglass.LspDataset'           # read by mmpose's inferencers
data = dict(type=dataset_type, data_root='{{$HOURGLASS_DATA:data}}/lsp')
train_dataloader = dict(dataset=dict(**data, split='train'))
val_dataloader = dict(dataset=dict(**data, split='test', test_mode=True))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = [
    dict(type='hourglass.LspPCK'), dict(type='hourglass.LspPCK', protocol='pcp', prefix='lsp_pcp')]
del data
