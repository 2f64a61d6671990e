# Loss on the worst eight keypoints of each person alone (OHKM).
_base_ = ['base.py']
model = dict(head=dict(loss=dict(
    type='mmpose.KeypointOHKMMSELoss', use_target_weight=True, topk=8)))
