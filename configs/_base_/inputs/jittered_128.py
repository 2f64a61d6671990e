# The strong input at 128x128 with crops that lie about as well as detected boxes do: moved, scaled
# and turned (mmpose's RandomBBoxTransform), each by less than mmpose does by default.
_base_ = ['strong_128.py']
jitter = dict(
    type='RandomBBoxTransform', shift_factor=0.08, shift_prob=0.5, scale_factor=(0.8, 1.25),
    scale_prob=1.0, rotate_factor=30, rotate_prob=0.6)
train_pipeline = [jitter if step == _base_.augmentation else step
                  for step in _base_.train_pipeline]
