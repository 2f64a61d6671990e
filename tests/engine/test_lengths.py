"""Schedules, checkpoints and logs follow the loop of a run."""
import pytest
from mmengine.config import Config
from toy_runs import rates, toy_config, train

from hourglass.engine.lengths import follow_loop
from hourglass.errors import ConfigError

COSINE = dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True)
ITERATIONS = dict(type='hourglass.IterationLoop', max_iters=12)


def followed(loop: dict, *schedules: dict, **more) -> Config:
    cfg = Config(dict(train_cfg=loop, param_scheduler=list(schedules), **more))
    follow_loop(cfg)
    return cfg


@pytest.mark.parametrize(('loop', 'expected'), [
    (dict(by_epoch=True, max_epochs=3), dict(type='hourglass.EpochLoop', max_epochs=3)),
    (dict(by_epoch=False, max_iters=9), dict(type='hourglass.IterationLoop', max_iters=9)),
    (dict(max_epochs=3), dict(type='hourglass.EpochLoop', max_epochs=3)),
    (dict(max_iters=3), dict(type='hourglass.IterationLoop', max_iters=3)),
    (dict(type='EpochBasedTrainLoop', max_epochs=2, val_interval=5),
     dict(type='hourglass.EpochLoop', max_epochs=2, val_interval=5)),
    (dict(type='IterBasedTrainLoop', max_iters=2), dict(type='hourglass.IterationLoop',
                                                        max_iters=2)),
    (dict(type='mmdet.OfItsOwn', anything=0), dict(type='mmdet.OfItsOwn', anything=0))])
def test_the_loop_is_the_one_that_resumes(loop, expected):
    assert followed(loop).train_cfg == expected


@pytest.mark.parametrize(('loop', 'message'), [
    (dict(type='hourglass.EpochLoop', max_epochs=0), 'train_cfg.max_epochs is 0: give a whole'),
    (dict(type='hourglass.EpochLoop'), 'train_cfg.max_epochs is None: give a whole number'),
    (dict(type='hourglass.IterationLoop', max_iters='9'), 'train_cfg.max_iters is 9: give a'),
    (dict(max_epochs=2, val_interval=0), 'train_cfg.val_interval is 0: give a whole number'),
    (dict(), 'train_cfg: give max_epochs, or max_iters and val_interval'),
    (dict(type='hourglass.EpochLoop', max_epochs=2, by_epoch=False, max_iters=9),
     'counts both epochs and iterations; begin it anew, in a config with this one as _base_: '),
    (dict(type='hourglass.EpochLoop', by_epoch=False, max_iters=9), 'counts both epochs and iter'),
    (dict(type='hourglass.IterationLoop', max_iters=9, max_epochs=2), 'counts both epochs and')])
def test_lengths_that_say_nothing_are_refused(loop, message):
    with pytest.raises(ConfigError, match=message):
        followed(loop)


@pytest.mark.parametrize(('loop', 'schedule', 'message'), [
    (ITERATIONS, dict(type='MultiStepLR', milestones=[2], by_epoch=True),
     r'param_scheduler\.0 \(MultiStepLR\): follows epochs \(milestones\), and train_cfg counts'),
    (ITERATIONS, dict(type='ExponentialLR', gamma=0.9), r'\(ExponentialLR\): follows epochs, and'),
    (ITERATIONS, dict(COSINE, T_max=4), r'follows epochs \(T_max\)'),
    (dict(max_epochs=2), dict(type='LinearLR', by_epoch=False, convert_to_iter_based=True),
     'convert_to_iter_based is for by_epoch=True; leave it out')])
def test_schedules_of_another_unit_are_refused(loop, schedule, message):
    with pytest.raises(ConfigError, match=message):
        followed(loop, schedule)


def test_hooks_of_a_run_of_iterations_count_iterations():
    hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=50))
    cfg = followed(dict(ITERATIONS, val_interval=4), COSINE, default_hooks=hooks)
    assert cfg.default_hooks == dict(checkpoint=dict(interval=4, by_epoch=False),
                                     logger=dict(interval=50, log_metric_by_epoch=False))
    assert cfg.log_processor == dict(by_epoch=False)
    own = dict(checkpoint=dict(interval=3, by_epoch=False))
    assert followed(ITERATIONS, default_hooks=own).default_hooks == own
    assert followed(dict(max_epochs=2), COSINE, default_hooks=hooks).default_hooks == hooks


def test_a_run_of_iterations_may_lack_hooks():
    cfg = followed(ITERATIONS, default_hooks=dict(checkpoint=None, logger=None))
    assert cfg.default_hooks == dict(checkpoint=None, logger=None)
    cfg = followed(ITERATIONS, default_hooks=dict(checkpoint=dict(), logger=dict()))
    assert cfg.default_hooks == dict(checkpoint=dict(by_epoch=False, interval=1000),
                                     logger=dict(log_metric_by_epoch=False))


def test_a_run_of_iterations_has_the_rates_and_checkpoints_of_one_of_epochs(tmp_path):
    """Three epochs of four steps, and twelve iterations validated after every fourth."""
    by_epoch = toy_config(tmp_path / 'epochs')
    by_iteration = toy_config(tmp_path / 'iterations',
                              train_cfg=dict(ITERATIONS, val_interval=4))
    for cfg in (by_epoch, by_iteration):
        follow_loop(cfg)
    assert rates(train(by_epoch)) == rates(train(by_iteration))
    names = [sorted(path.name for path in tmp_path.joinpath(kind).glob('*.pth'))
             for kind in ('epochs', 'iterations')]
    assert names == [['epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth'],
                     ['iter_12.pth', 'iter_4.pth', 'iter_8.pth']]
