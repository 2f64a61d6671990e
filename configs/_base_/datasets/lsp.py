# Leeds Sports Pose as published: images/ and joints.mat, the first thousand people to train, the
# second thousand to validate and to test.
dataset_type = 'hourglass.LspDataset'           # read by mmpose's inferencers
folder = dict(type=dataset_type, data_root='{{$HOURGLASS_DATA:data}}/lsp')
train_split = dict(**folder, split='train')
val_split = dict(**folder, split='test', test_mode=True)
val_evaluator = test_evaluator = [
    dict(type='hourglass.LspPCK'), dict(type='hourglass.LspPCK', protocol='pcp', prefix='lsp_pcp')]
del folder
