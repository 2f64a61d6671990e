# COCO's people as published, read by mmpose's data set: annotations/, train2017/ and val2017/.
dataset_type = 'CocoDataset'
folder = dict(type=dataset_type, data_root='{{$HOURGLASS_DATA:data}}/coco')
train_split = dict(
    **folder, ann_file='annotations/person_keypoints_train2017.json',
    data_prefix=dict(img='train2017/'))
val_split = dict(
    **folder, ann_file='annotations/person_keypoints_val2017.json',
    data_prefix=dict(img='val2017/'), test_mode=True)
val_evaluator = test_evaluator = dict(type='hourglass.OksAP')
del folder
