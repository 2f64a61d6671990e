# Two stacks of 128 features that find people in an image whose longer side is 320 px. They begin as
# people, which predicts keypoints, and see athletes, too: LSP and LSP Extended.
_base_ = ['centers_hourglass2-small_people-384x384.py']
longer_side = 320
model = dict(backbone=dict(channels=128, stem_channels=(32, 64, 64)), longer_side=longer_side)
view = dict(type='hourglass.RandomView', size=256, mosaic=0.5)
parts = (                           # data set, times an epoch, longer side of a whole image
    (_base_.mpii_boxes, 6, 384), (_base_.flic_boxes, 1, 320), (_base_.lsp_boxes, 1, 256),
    (_base_.lsp_extended_boxes, 1, 256))
train_dataloader = dict(dataset=dict(datasets=[
    dict(type='RepeatDataset', times=times, dataset=dict(
        split, pipeline=[dict(view, longer_side=side), *_base_.train_pipeline[1:]]))
    for split, times, side in parts]))
del view, parts
val_pipeline = [
    dict(_base_.val_pipeline[0], longer_side=longer_side), *_base_.val_pipeline[1:]]
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=val_pipeline))
load_from = 'hourglass://people'
