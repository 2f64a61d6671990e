# LSP's first thousand people and LSP Extended to train, LSP's second thousand to test. LSP Extended
# is cropped around the joints, as its images show more of the surroundings: people are then about
# as large as in LSP's whole images. Its labels come from a crowd and some are wrong, so LSP's own
# are seen three times as often. An experiment gives both their pipeline.
_base_ = ['lsp.py']
lsp = dict(
    type='hourglass.LspDataset', data_root='{{$HOURGLASS_DATA:data}}/lsp', split='train')
lsp_extended = dict(
    type='hourglass.LspDataset', data_root='{{$HOURGLASS_DATA:data}}/lspet', split='train',
    crop='joints')
