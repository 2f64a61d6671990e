# mmpretrain: a classifier of images that lie in one folder per class.
_base_ = '../_base_/reuse.py'
default_scope = 'mmpretrain'
classes = ('cat', 'dog')                # the folders' names
data_root = 'data/classes'              # data/classes/{train,val}/CLASS/*.jpg
model = dict(
    type='ImageClassifier', data_preprocessor=dict(to_rgb=True),
    neck=dict(type='GlobalAveragePooling'),             # of every stack; the head takes the last
    head=dict(type='LinearClsHead', in_channels=256, num_classes=len(classes)))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=256),          # a multiple of 64
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs')]
val_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=288, edge='short'),
    dict(type='CenterCrop', crop_size=256),
    dict(type='PackInputs')]
train_dataloader = dict(
    batch_size=32, num_workers=4, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CustomDataset', metainfo=dict(classes=classes), data_root=data_root,
        data_prefix='train', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=32, num_workers=4, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CustomDataset', metainfo=dict(classes=classes), data_root=data_root,
        data_prefix='val', pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='Accuracy', topk=1)
