# The same network tested on FLIC with the person's own left and right.
_base_ = ['td-hm_hourglass2-small_people-160x160.py']
test_dataloader = dict(dataset=dict(_base_.flic_test, _delete_=True, pipeline=_base_.val_pipeline))
test_evaluator = dict(_base_.flic_evaluator, _delete_=True)
