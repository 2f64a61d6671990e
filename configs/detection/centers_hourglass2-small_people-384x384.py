# Two stacks of 64 features that find people in an image whose longer side is 384 px. They begin as
# people-small_160, which predicts keypoints. LSP and LSP Extended add athletes.
_base_ = [
    '../_base_/schedules/strong.py', '../_base_/models/hourglass2_small.py',
    '../_base_/datasets/boxes.py']
longer_side = 384
model = dict(
    _delete_=True, type='hourglass.CenterDetector', longer_side=longer_side,
    data_preprocessor=dict(
        type='ImgDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255], bgr_to_rgb=True),
    backbone=dict(_base_.model.backbone, num_keypoints=None))
train_pipeline = [
    dict(type='hourglass.RandomView', size=256, longer_side=longer_side),
    dict(type='hourglass.LuaColour'), dict(type='hourglass.PackBoxes')]
val_pipeline = [
    dict(type='hourglass.FitImage', longer_side=longer_side, multiple=64),
    dict(type='hourglass.PackBoxes')]
optim_wrapper = dict(optimizer=dict(lr=2e-3))
parts = (                           # data set, times an epoch, longer side of a whole image
    (_base_.mpii_boxes, 5, longer_side), (_base_.flic_boxes, 1, longer_side),
    (_base_.lsp_boxes, 1, 256), (_base_.lsp_extended_boxes, 1, 256))
train_dataloader = dict(batch_size=16, num_workers=1, dataset=dict(
    type='ConcatDataset', datasets=[
        dict(type='RepeatDataset', times=times, dataset=dict(
            split, pipeline=[dict(train_pipeline[0], longer_side=side), *train_pipeline[1:]]))
        for split, times, side in parts]))
del parts
val_dataloader = test_dataloader = dict(
    batch_size=1, num_workers=1, dataset=dict(_base_.val_images, pipeline=val_pipeline))
default_hooks = dict(
    checkpoint=dict(save_best='boxes/usable@0.3'), average=dict(momentum=0.002),
    matching=dict(may_differ=['backbone.heatmaps.*', 'backbone.reinjects.*.heatmaps.*', 'head.*']))
load_from = '{{ fileDirname }}/../people/people-small_160.safetensors'
randomness = dict(seed=0)
auto_scale_lr = dict(base_batch_size=16)
train_cfg = dict(max_epochs=12)
