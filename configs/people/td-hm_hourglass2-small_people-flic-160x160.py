# The same network tested on FLIC with the person's own left and right, by the joints that both
# have, in units of the torso, right shoulder to left hip.
_base_ = ['td-hm_hourglass2-small_people-160x160.py']
test_dataloader = dict(dataset=dict(_base_.flic_test, _delete_=True, pipeline=_base_.val_pipeline))
test_evaluator = dict(
    _delete_=True, type='hourglass.PCK', unit=('right_shoulder', 'left_hip'), groups=dict(
        Elbow=('right_elbow', 'left_elbow'), Wrist=('right_wrist', 'left_wrist'),
        Shoulder=('right_shoulder', 'left_shoulder')))
