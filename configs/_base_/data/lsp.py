# Leeds Sports Pose as published: images/ and joints.mat, the first thousand people to train, the
# second to test.
train_dataloader = dict(
    batch_size=6, num_workers=2, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='hourglass.LspDataset', data_root='{{$HOURGLASS_DATA:data}}/lsp', split='train'))
val_dataloader = dict(
    batch_size=32, num_workers=2, persistent_workers=True, drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='hourglass.LspDataset', data_root='{{$HOURGLASS_DATA:data}}/lsp', split='test',
        test_mode=True))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = [
    dict(type='hourglass.LspPCK'), dict(type='hourglass.LspPCK', protocol='pcp', prefix='lsp_pcp')]
