# td-hm_hourglass2-paper_flic-256x256.py in mmengine's new style, with imported bases and classes.
from mmengine.config import read_base
from mmengine.optim import MultiStepLR, OptimWrapper
from torch.optim import RMSprop

from hourglass.models.backbone import StackedHourglass

with read_base():
    from .._base_.datasets.flic import *
    from .._base_.inputs.paper_256 import *
    from .._base_.models.hourglass8 import *
    from .._base_.runtime import *

model.update(
    backbone=dict(type=StackedHourglass, num_stacks=2, num_keypoints=11),
    head=dict(decoder=codec))
train_dataloader.update(batch_size=6, dataset=dict(**train_split, pipeline=train_pipeline))
val_dataloader.update(dataset=dict(**val_split, pipeline=val_pipeline))
test_dataloader.update(dataset=dict(**val_split, pipeline=val_pipeline))
default_hooks.update(checkpoint=dict(save_best='flic/Wrist'))

optim_wrapper = dict(
    type=OptimWrapper, optimizer=dict(type=RMSprop, lr=2.5e-4, alpha=0.99, eps=1e-8))
auto_scale_lr = dict(base_batch_size=6)
train_cfg.update(max_epochs=40)
param_scheduler = dict(type=MultiStepLR, milestones=[32], gamma=0.2, by_epoch=True)
