# The same network with the crops of people's last training: moved, scaled and turned less, and half
# of those of the MPII subset around boxes as a detector finds them.
_base_ = ['td-hm_hourglass2-small_people-128x128.py']
train_pipeline = [
    _base_.milder if step == _base_.jitter else step for step in _base_.train_pipeline]
found = [dict(type='hourglass.CropAsFound'), *train_pipeline]
train_dataloader = dict(dataset=dict(datasets=[
    dict(part, dataset=dict(part['dataset'], pipeline=pipeline))
    for part, pipeline in zip(_base_.train_dataloader['dataset']['datasets'],
                              (found, train_pipeline, train_pipeline, train_pipeline))]))
del found
