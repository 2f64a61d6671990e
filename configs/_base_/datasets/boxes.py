# Images with boxes of all their people: the training images of the MPII subset and FLIC's training
# frames with those that PicoDet-S finds, and LSP and LSP Extended with boxes around the keypoints.
# Tested on the validation images of the MPII subset (264 people).
_base_ = ['people.py']
teacher = '{{$HOURGLASS_DATA:data}}/predictions/teachers'
boxes = dict(type='hourglass.BoxesDataset')
mpii_boxes = dict(
    boxes, ann_file=f'{teacher}/boxes_mpii_subset_train.json.gz',
    data_prefix=dict(img='{{$HOURGLASS_DATA:data}}/mpii_subset/images'), people=_base_.train_split)
flic_boxes = dict(
    boxes, ann_file=f'{teacher}/boxes_flic_train.json.gz',
    data_prefix=dict(img='{{$HOURGLASS_DATA:data}}/flic/images'))
lsp_boxes = dict(boxes, people=_base_.lsp_train)
lsp_extended_boxes = dict(boxes, people=_base_.lsp_extended)
val_images = dict(type='hourglass.ImagesOfPeople', test_mode=True, people=_base_.val_split)
val_evaluator = test_evaluator = dict(_delete_=True, type='hourglass.UsableBoxes')
del teacher, boxes
