# A part of MPII in the same layout, with 2,074 people to train and 264 to validate: its scores are
# those of the "MPII subset (264 people)", and no scores on MPII.
_base_ = ['mpii_full.py']
subset = dict(data_root='{{$HOURGLASS_DATA:data}}/mpii_subset')
dataset_type, train_split, val_split = (_base_.dataset_type, *(
    dict(split, **subset) for split in (_base_.train_split, _base_.val_split)))
del subset
