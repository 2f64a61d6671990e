# mmsegmentation: a class for every pixel, with a head and a loss for each stack, as in the paper.
_base_ = '../_base_/reuse.py'
default_scope = 'mmseg'
classes = ('background', 'person')
data_root = 'data/masks'                # images/{train,val}/*.jpg; labels/{train,val}/*.png, whose
model = dict(                           # pixels are an index of classes, or 255: not scored
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', bgr_to_rgb=True, size=(512, 512), seg_pad_val=255,
        test_cfg=dict(size_divisor=64)),
    decode_head=dict(
        type='FCNHead', in_channels=256, in_index=1, channels=128, num_convs=1,
        concat_input=False, num_classes=len(classes), norm_cfg=dict(type='BN')),
    auxiliary_head=[dict(               # one for each earlier stack; its loss weighs the same
        type='FCNHead', in_channels=256, in_index=0, channels=128, num_convs=1,
        concat_input=False, num_classes=len(classes), norm_cfg=dict(type='BN'))],
    test_cfg=dict(mode='whole'))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(2048, 512), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(512, 512), cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs')]
val_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(2048, 512), keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')]
train_dataloader = dict(
    batch_size=8, num_workers=4, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='BaseSegDataset', metainfo=dict(classes=classes), data_root=data_root,
        data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1, num_workers=4, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='BaseSegDataset', metainfo=dict(classes=classes), data_root=data_root,
        data_prefix=dict(img_path='images/val', seg_map_path='labels/val'),
        pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
