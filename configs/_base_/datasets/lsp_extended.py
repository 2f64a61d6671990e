# LSP with LSP Extended as more people to train on. LSP Extended is cropped around the joints, as
# its images show more of the surroundings: people are then about as large as in LSP's whole images.
_base_ = ['lsp.py']
extended_split = dict(
    type='hourglass.LspDataset', data_root='{{$HOURGLASS_DATA:data}}/lspet', split='train',
    crop='joints')
