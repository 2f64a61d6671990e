# Whole and half bodies with MPII's 16 joints from four data sets: the MPII subset, LSP, LSP
# Extended with corrected labels, and FLIC, here with the person's own left and right. Joints that a
# data set lacks are ignored in the loss. Validated on the MPII subset (264 people).
_base_ = ['mpii_subset.py']
lsp = dict(
    type='hourglass.LspDataset', data_root='{{$HOURGLASS_DATA:data}}/lsp', skeleton='mpii')
lsp_train, lsp_test = dict(lsp, split='train'), dict(lsp, split='test', test_mode=True)
lsp_extended = dict(
    lsp_train, data_root='{{$HOURGLASS_DATA:data}}/lspet', ann_file='joints_corrected.mat',
    crop='joints')
flic = dict(
    type='hourglass.FlicDataset', data_root='{{$HOURGLASS_DATA:data}}/flic', skeleton='mpii',
    labels='person')
flic_train, flic_test = dict(flic, split='train'), dict(flic, split='test', test_mode=True)
lsp_evaluator = dict(type='hourglass.LspPCK')
flic_evaluator = dict(              # joints that both have; units of right shoulder to left hip
    type='hourglass.PCK', unit=('right_shoulder', 'left_hip'), groups=dict(
        Elbow=('right_elbow', 'left_elbow'), Wrist=('right_wrist', 'left_wrist'),
        Shoulder=('right_shoulder', 'left_shoulder')))
del lsp, flic
