"""The safety hooks stay in every run, also if a config adds hooks, in the order that they need."""
import pytest
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

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
