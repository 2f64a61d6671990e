"""The safety hooks stay in every run, also if a config adds hooks, in the order that they need."""
import pytest
import torch
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from mmpose.engine.hooks import ExpMomentumEMA

PLAIN = [
    'RuntimeInfoHook', 'FiniteLossHook', 'DistSamplerSeedHook', 'OverlayHook',
    'ChannelsLastHook', 'MatchingCheckpointHook', 'IterTimerHook', 'LoggerHook',
    'ParamSchedulerHook', 'BatchNormHook', 'SafeCheckpointHook', 'ProgressBarHook', 'StopHook',
    'LoaderWatchHook']
# the averaged weights are in place before they are checked and saved, and their time is no waiting
AVERAGED = [*PLAIN[:6], 'EMAHook', *PLAIN[6:]]
REUSED = [name for name in PLAIN if name not in (
    'IterTimerHook', 'OverlayHook', 'ChannelsLastHook', 'BatchNormHook', 'ProgressBarHook')]
REUSED.insert(2, 'IterTimerHook')       # by mmengine's own hooks


class HooksOnly(Runner):
    """A runner that builds hooks as mmengine does, and nothing else."""

    def __init__(self, cfg: Config):
        init_default_scope(cfg.default_scope)
        Visualizer.get_instance('visualizer')
        self._hooks = []
        self.register_hooks(cfg.default_hooks, cfg.get('custom_hooks'))


def hooks(cfg: Config) -> list[str]:
    return [type(hook).__name__ for hook in HooksOnly(cfg).hooks]


@pytest.mark.parametrize(('config', 'expected'), [
    ('mpii/td-hm_hourglass8-paper_mpii-256x256.py', PLAIN),
    ('mpii/td-hm_hourglass8-strong_mpii-256x256.py', AVERAGED),
    ('flic/td-hm_hourglass4-small_flic-128x128.py', AVERAGED),
    ('ablation/td-hm_hg_ablation.py', PLAIN),
    ('reuse/detector_mmdet.py', REUSED)])
def test_hooks_run_in_this_order(config, expected):
    assert hooks(Config.fromfile(REPOSITORY / 'configs' / config)) == expected


def test_hooks_of_a_child_are_added_to_them(tmp_path):
    base = REPOSITORY / 'configs/flic/td-hm_hourglass2-small_flic-128x128.py'
    child = tmp_path / 'child.py'
    child.write_text(
        f"_base_ = ['{base}']\n"
        "custom_hooks = [dict(type='EmptyCacheHook')]\n"
        "default_hooks = dict(matching=dict(may_differ=['backbone.heatmaps.*']))\n")
    cfg = Config.fromfile(child)
    assert sorted(hooks(cfg)) == sorted([*AVERAGED, 'EmptyCacheHook'])
    assert cfg.default_hooks.matching == dict(
        type='hourglass.MatchingCheckpointHook', may_differ=['backbone.heatmaps.*'])


def test_a_hook_is_left_out_by_its_name(tmp_path):
    base = REPOSITORY / 'configs/mpii/td-hm_hourglass8-paper_mpii-256x256.py'
    child = tmp_path / 'child.py'
    child.write_text(
        f"_base_ = ['{base}']\n"
        "default_hooks = dict(_delete_=True, **{\n"
        "    name: hook for name, hook in _base_.default_hooks.items()\n"
        "    if name != 'channels_last'})\n")
    assert hooks(Config.fromfile(child)) == [name for name in PLAIN if name != 'ChannelsLastHook']


def test_averaged_weights_and_statistics_follow_by_a_thousandth_a_step():
    schedule = Config.fromfile(REPOSITORY / 'configs/_base_/schedules/strong.py')
    options = schedule.default_hooks.average.to_dict()
    assert (options.pop('type'), options.pop('ema_type')) == ('EMAHook', 'ExpMomentumEMA')
    model = torch.nn.BatchNorm1d(1)
    average = ExpMomentumEMA(model, **options)
    average.steps.fill_(10_000)             # it follows faster in the beginning
    torch.nn.init.constant_(model.weight, 2)
    model.running_mean.fill_(1)
    average.update_parameters(model)
    assert average.module.weight.item() == pytest.approx(1.001, abs=1e-6)
    assert average.module.running_mean.item() == pytest.approx(0.001, abs=1e-6)
