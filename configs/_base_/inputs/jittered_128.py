# The strong input at 128x128 with crops that lie about as well as detected boxes do: moved by up to
# 0.1 of their side, and scaled and turned further (mmpose's RandomBBoxTransform).
_base_ = ['strong_128.py']
jitter = dict(
    type='RandomBBoxTransform', shift_factor=0.1, shift_prob=0.5, scale_factor=(0.7, 1.4),
    scale_prob=1.0, rotate_factor=60, rotate_prob=0.6)
milder = dict(jitter, shift_factor=0.08, scale_factor=(0.8, 1.25), rotate_factor=30)
train_pipeline = [jitter if step == _base_.augmentation else step
                  for step in _base_.train_pipeline]
