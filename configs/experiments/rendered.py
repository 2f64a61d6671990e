# Rendered people alone (hourglass prepare synthetic), to begin others from.
_base_ = ['base.py']
train_dataloader = dict(dataset=dict(
    _delete_=True, type='hourglass.MpiiDataset',
    data_root='{{$HOURGLASS_RENDERED:data/synthetic}}', ann_file='train/annotations.json',
    data_prefix=dict(img='train/images'), pipeline=_base_.train_pipeline))
