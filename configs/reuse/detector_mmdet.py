# mmdet: CenterNet (Objects as Points), which was published with an hourglass, on COCO-like files.
_base_ = '../_base_/reuse.py'
default_scope = 'mmdet'
classes = ('person',)                   # names among the annotation file's categories
data_root = 'data/boxes/'               # {train,val}.json and the images in {train,val}/
model = dict(
    type='CenterNet',
    data_preprocessor=dict(type='DetDataPreprocessor', bgr_to_rgb=True, pad_size_divisor=64),
    # CenterNetHead takes one level. Without deconvolutions this neck hands on the last stack as it
    # is, which has CenterNet's resolution of H/4 already; use_dcn would need mmcv's compiled ops.
    neck=dict(type='CTResNetNeck', in_channels=256, num_deconv_filters=(), num_deconv_kernels=(),
              use_dcn=False),
    bbox_head=dict(
        type='CenterNetHead', in_channels=256, feat_channels=64, num_classes=len(classes)),
    test_cfg=dict(topk=100, local_maximum_kernel=3, max_per_img=100))

pad = dict(type='RandomCenterCropPad', mean=[0, 0, 0], std=[1, 1, 1], to_rgb=True)
train_pipeline = [
    dict(type='LoadImageFromFile', to_float32=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(**pad, crop_size=(512, 512), ratios=(0.6, 0.8, 1.0, 1.2), test_pad_mode=None),
    dict(type='Resize', scale=(512, 512), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')]
val_pipeline = [
    dict(type='LoadImageFromFile', to_float32=True),
    dict(**pad, ratios=None, border=None, test_mode=True, test_pad_mode=['size_divisor', 64]),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs',
         meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'border'))]
train_dataloader = dict(
    batch_size=8, num_workers=4, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CocoDataset', metainfo=dict(classes=classes), data_root=data_root,
        ann_file='train.json', data_prefix=dict(img='train/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32), pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1, num_workers=4, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset', metainfo=dict(classes=classes), data_root=data_root,
        ann_file='val.json', data_prefix=dict(img='val/'), test_mode=True, pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(
    type='CocoMetric', ann_file=data_root + 'val.json', metric='bbox')
