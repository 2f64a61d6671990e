"""A model takes only its own weights, keeps its numbers channels-last, and is tested as it runs."""
import json
from types import SimpleNamespace

import pytest
import torch
from tiny_network import write_tiny_network

from hourglass.engine.model_hooks import ChannelsLastHook, MatchingCheckpointHook
from hourglass.errors import CheckpointError


def runner_with(model) -> SimpleNamespace:
    return SimpleNamespace(model=model, _load_from='some.pth', work_dir='work')


def test_only_matching_checkpoints_pass():
    model = torch.nn.Linear(2, 3)
    hook, runner = MatchingCheckpointHook(), runner_with(model)
    hook.after_load_checkpoint(runner, {'state_dict': model.state_dict()})
    hook.after_load_checkpoint(runner, {'module.' + k: v for k, v in model.state_dict().items()})
    other = torch.nn.Linear(2, 4).state_dict()
    with pytest.raises(CheckpointError, match=r"some\.pth.* 2 tensors do not fit, first 'weight' "
                                              r'\(\(4, 2\) there, \(3, 2\) in the'):
        hook.after_load_checkpoint(runner, {'state_dict': other})
    with pytest.raises(CheckpointError, match="'bias' \\(missing"):
        hook.after_load_checkpoint(runner, {'weight': model.weight})
    more = model.state_dict() | {'second.weight': torch.zeros(3)}
    with pytest.raises(CheckpointError, match=r"'second.weight' \(\(3,\) there, none in the"):
        hook.after_load_checkpoint(runner, {'state_dict': more})
    MatchingCheckpointHook(may_differ=['b*']).after_load_checkpoint(
        runner, {'weight': model.weight})


def test_channels_last_changes_the_memory_and_not_the_numbers():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 4, 1))
    images = torch.rand(2, 3, 9, 9)
    before = model(images)
    ChannelsLastHook().before_run(SimpleNamespace(model=model))
    after = model(images)
    assert after.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(before, after, atol=1e-6)


@pytest.fixture
def score(synthetic, cli, tmp_path, monkeypatch):
    """Metrics of the tiny network tested with arguments."""
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    config, checkpoint = write_tiny_network(tmp_path)

    def call(*arguments) -> dict:
        out = tmp_path / 'metrics.json'
        cli('test', config, checkpoint, '--work-dir', tmp_path / 'run', '--out', out, *arguments,
             '--cfg-options', 'test_dataloader.num_workers=0')
        return json.loads(out.read_text())
    return call


def test_scores_are_those_of_the_stage_and_the_network(score):
    everything = score('--all-stages')
    first, last = (
        {name.replace(f'stage{stage}/', ''): value for name, value in everything.items()
         if f'/stage{stage}/' in name} for stage in (0, 1))
    assert first != last
    assert {name: score('--stages', 1)[name] for name in first} == first
    fused = score('--optimize', 'fuse')
    assert {name: fused[name] for name in last} == last


def test_options_that_exclude_each_other_are_refused(score):
    with pytest.raises(SystemExit, match='leave --all-stages, --report and --calibrate out'):
        score('--stages', 1, '--all-stages')
    with pytest.raises(SystemExit, match='the network has 2'):
        score('--stages', 3)
