# Images with boxes of all their people, found by PicoDet-S: the training images of the MPII subset
# and FLIC's training frames. Tested on the validation images of the MPII subset (264 people).
_base_ = ['mpii_full.py']
teacher = '{{$HOURGLASS_DATA:data}}/predictions/teachers'
boxes = dict(type='hourglass.BoxesDataset')
mpii_boxes = dict(
    boxes, ann_file=f'{teacher}/boxes_mpii_subset_train.json.gz',
    data_prefix=dict(img='{{$HOURGLASS_DATA:data}}/mpii_subset/images'))
flic_boxes = dict(
    boxes, ann_file=f'{teacher}/boxes_flic_train.json.gz',
    data_prefix=dict(img='{{$HOURGLASS_DATA:data}}/flic/images'))
val_images = dict(type='hourglass.ImagesOfPeople', test_mode=True, people=dict(
    _base_.val_split, data_root='{{$HOURGLASS_DATA:data}}/mpii_subset'))
val_evaluator = test_evaluator = dict(_delete_=True, type='hourglass.UsableBoxes')
del teacher, boxes
