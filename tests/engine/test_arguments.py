"""Arguments that a class does not have are refused where they stand, before anything is built."""
import pytest
from conftest import REPOSITORY
from mmengine.config import Config

from hourglass.engine.arguments import check_arguments
from hourglass.errors import ConfigError

BASE = REPOSITORY / 'configs/mpii/td-hm_hourglass8-strong_mpii-256x256.py'


def check(options: dict) -> None:
    cfg = Config.fromfile(BASE)
    cfg.merge_from_dict(options)
    check_arguments(cfg)


@pytest.mark.parametrize(('key', 'message'), [
    ('model.backbone.num_stack', "hourglass.StackedHourglass has .*, did you mean 'num_stacks'"),
    ('model.test_cgf', "TopdownPoseEstimator has no such argument, did you mean 'test_cfg'"),
    ('model.head.los', "hourglass.StackedHeatmapHead has no such argument, did you mean 'loss'"),
    ('train_dataloader.sampler.shufle', "DefaultSampler .* 'shuffle'"),
    ('train_dataloader.dataset.anfile', "hourglass.MpiiDataset has .* 'ann_file'"),
    ('train_dataloader.dataset.pipeline.2.input_siz', "CropImage has .* 'input_size'"),
    ('optim_wrapper.optimizer.weight_dcay', "AdamW has no such argument, did you mean 'weight_dec"),
    ('optim_wrapper.accumulate_counts', "BFloat16OptimWrapper .* 'accumulative_counts'"),
    ('param_scheduler.1.eta_min_rato', "CosineAnnealingLR has .* 'eta_min_ratio'"),
    ('default_hooks.progress.intervl', 'ProgressBarHook has no such argument'),
    ('train_cfg.val_intervall', "EpochLoop has no such argument, did you mean 'val_interval'"),
    ('val_evaluator.prefx', "MpiiPCKh has no such argument, did you mean 'prefix'"),
    ('visualizer.vis_backends.0.save_dr', "LocalVisBackend has .* 'save_dir'")])
def test_arguments_that_a_class_does_not_have_are_refused(key, message):
    with pytest.raises(ConfigError, match=f'{key}: .*{message}'):
        check({key: 1})


@pytest.mark.parametrize(('key', 'value'), [
    ('default_hooks.average.anything', 1),              # passed on to the averaged model
    ('default_hooks.logger.priority', 'LOW'), ('train_cfg.by_epoch', True),
    ('optim_wrapper.paramwise_cfg', dict(norm_decay_mult=0)), ('model.backbone.type', 'NoSuchNet'),
    ('model.init_cfg', dict(type='Normal', layer='Conv2d', anything=1))])
def test_what_a_builder_takes_passes(key, value):
    check({key: value})
