# The last weights instead of their moving average.
_base_ = ['base.py']
default_hooks = dict(average=None)
