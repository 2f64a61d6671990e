# Two stacks of 128 features that find people in an image whose longer side is 320 px. They begin as
# people, which predicts keypoints; the data are those of the small network.
_base_ = ['centers_hourglass2-small_people-384x384.py']
longer_side = 320
model = dict(backbone=dict(channels=128, stem_channels=(32, 64, 64)), longer_side=longer_side)
test_pipeline = val_pipeline = [
    dict(_base_.val_pipeline[0], longer_side=longer_side), *_base_.val_pipeline[1:]]
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=val_pipeline))
load_from = '{{ fileDirname }}/../../projects/hourglass/weights/people.safetensors'
