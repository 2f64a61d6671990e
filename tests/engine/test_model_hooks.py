"""A model takes only its own weights, keeps its numbers channels-last, and is tested as it runs."""
import json
from types import SimpleNamespace

import pytest
import torch
from tiny_network import write_tiny_network
from toy_runs import IdleLoop

from hourglass.engine.model_hooks import ChannelsLastHook, MatchingCheckpointHook
from hourglass.errors import CheckpointError


class Loop(IdleLoop):
    """One over a data set of keypoints."""

    def __init__(self, names=()):
        metainfo = dict(keypoint_id2name=dict(enumerate(names))) if names else {}
        self.dataloader = SimpleNamespace(dataset=SimpleNamespace(metainfo=metainfo))


def runner_with(model, train_loop=(), test_loop=(), resume=False) -> SimpleNamespace:
    return SimpleNamespace(model=model, _load_from='some.pth', work_dir='work', _resume=resume,
                           _train_loop=train_loop or {}, _val_loop=None, _test_loop=test_loop or {})


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
    hook = MatchingCheckpointHook(may_differ=['b*'])
    hook.after_load_checkpoint(runner_with(model, Loop()), {'weight': model.weight})
    for runner in (runner_with(model, Loop(), resume=True), runner_with(model, test_loop=Loop())):
        with pytest.raises(CheckpointError, match="'bias' \\(missing"):     # nothing trains it
            hook.after_load_checkpoint(runner, {'weight': model.weight})


def heatmap_layers(keypoints: int = 3) -> torch.nn.Module:
    return torch.nn.ModuleDict(dict(
        heatmaps=torch.nn.Conv2d(5, keypoints, 1), body=torch.nn.Conv2d(3, 3, 1),
        reinjects=torch.nn.ModuleDict(dict(heatmaps=torch.nn.Conv2d(keypoints, 5, 1)))))


@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize(('names', 'places'), [
    (['Left Eye', 'paw', 'nose'], {0: 1, 2: 0}),                # another order
    (['left-eye', 'ear', 'nose', 'paw'], {0: 1, 2: 0}),
    (['tail', 'nose'], {0: 2, 1: 0}),
    (['nose', 'left_eye', 'tail', 'paw'], {0: 0, 1: 1, 2: 2}),
    (['paw', 'ear'], {})])
def test_keypoints_of_equal_names_move_to_their_places(prefix, names, places):
    model, trained = heatmap_layers(len(names)), heatmap_layers().half()
    start, known = model.state_dict(), trained.state_dict()
    checkpoint = dict(
        state_dict={prefix + name: value.clone() for name, value in known.items()},
        meta=dict(dataset_meta=dict(keypoint_id2name={0: 'nose', 1: 'left_eye', 2: 'tail'})))
    MatchingCheckpointHook(['*heatmaps.*']).after_load_checkpoint(
        runner_with(model, Loop(names)), checkpoint)
    found = {name.removeprefix('module.'): value
             for name, value in checkpoint['state_dict'].items()}
    for place in range(len(names)):
        row, other = (known, places[place]) if place in places else (start, place)
        for name in ('heatmaps.weight', 'heatmaps.bias'):
            assert found[name][place].equal(row[name][other].float())
        name = 'reinjects.heatmaps.weight'
        assert found[name][:, place].equal(row[name][:, other].float())
    for name in ('reinjects.heatmaps.bias', 'body.weight', 'body.bias'):
        assert found[name].equal(known[name])
    assert not model.load_state_dict(found).missing_keys


def test_layers_of_another_width_start_from_random_numbers():
    checkpoint = dict(state_dict=torch.nn.ModuleDict(dict(heatmaps=torch.nn.Conv2d(7, 3, 1)))
                      .state_dict(),
                      meta=dict(dataset_meta=dict(keypoint_id2name={0: 'a', 1: 'b', 2: 'c'})))
    MatchingCheckpointHook(['*']).after_load_checkpoint(
        runner_with(heatmap_layers(2), Loop(['c', 'a'])), checkpoint)
    assert checkpoint['state_dict']['heatmaps.weight'].shape == (3, 7, 1, 1)


@pytest.mark.parametrize('meta', [
    {}, dict(dataset_meta=dict(keypoint_id2name={0: 'a', 1: 'b', 2: 'c'})),
    dict(dataset_meta=dict(keypoint_id2name={0: 'c'})), dict(dataset_meta=dict(CLASSES=()))])
def test_weights_stay_as_they_are_if_keypoints_are_the_same_or_not_known(meta):
    model, runner = heatmap_layers(), runner_with(heatmap_layers(), Loop('abc'))
    checkpoint = dict(state_dict=model.state_dict(), meta=meta)
    MatchingCheckpointHook(['*heatmaps.*']).after_load_checkpoint(runner, checkpoint)
    assert all(value.equal(model.state_dict()[name])
               for name, value in checkpoint['state_dict'].items())


@pytest.mark.parametrize('names', [['paw', 'left_eye', 'tail'], ['Left-Eye', 'nose', 'paw']])
def test_keypoints_in_an_order_that_stays_wrong_are_refused(tmp_path, names):
    """Other names at their places are taken as new ones for the same keypoints."""
    model, path = heatmap_layers(), tmp_path / 'trained.pth'
    checkpoint = dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(
        num_keypoints=3, keypoint_id2name={0: 'nose', 1: 'left_eye', 2: 'tail'})))
    torch.save(checkpoint, path)
    model.init_cfg = dict(type='Pretrained', checkpoint=str(path))
    start, moving = MatchingCheckpointHook(), MatchingCheckpointHook(['*heatmaps.*'])
    ways = [(start.after_load_checkpoint, runner_with(model, Loop(names))),
            (moving.after_load_checkpoint, runner_with(model, Loop(names), resume=True)),
            (moving.after_load_checkpoint, runner_with(model, test_loop=Loop(names))),
            (lambda runner, _: moving.before_run(runner), runner_with(model, Loop(names)))]
    for load, runner in ways:
        if names[0] == 'paw':
            load(runner, checkpoint)
        else:
            with pytest.raises(CheckpointError, match="in another order, first 'left_eye' .1 there"
                                                      ', 0 in the data'):
                load(runner, checkpoint)
    assert all(value.equal(model.state_dict()[name])
               for name, value in checkpoint['state_dict'].items())


@pytest.mark.parametrize(('init_cfg', 'message'), [
    (dict(checkpoint='whole.pth', prefix='backbone'), None),
    (dict(checkpoint='whole.pth', prefix='backbone.'), None),
    (dict(checkpoint='distributed.pth', prefix='backbone.'), None),
    (dict(checkpoint='part.pth'), None),
    (dict(checkpoint='whole.pth'), r"init_cfg: whole\.pth: .* 2 tensors do not fit, first "
                                   r"'backbone\.weight' \(missing there"),
    (dict(checkpoint='part.pth', prefix='backbone.'), r"'backbone\.weight' \(missing there"),
    (dict(checkpoint='other.pth'), r"'backbone\.weight' \(\(4, 2\) there, \(3, 2\) in the"),
    (dict(checkpoint='none.pth'), r'none\.pth: no such checkpoint')])
def test_a_part_is_initialised_from_its_own_weights_alone(tmp_path, monkeypatch, init_cfg, message):
    monkeypatch.chdir(tmp_path)
    model = torch.nn.ModuleDict(dict(backbone=torch.nn.Linear(2, 3), head=torch.nn.Linear(3, 1)))
    torch.save(model.state_dict(), 'whole.pth')
    torch.save({f'module.{name}': value for name, value in model.state_dict().items()},
               'distributed.pth')
    torch.save(model.backbone.state_dict() | {'unused': torch.zeros(1)}, 'part.pth')
    torch.save(torch.nn.Linear(2, 4).state_dict(), 'other.pth')
    model.backbone.init_cfg = dict(type='Pretrained', **init_cfg)
    runner = SimpleNamespace(model=model, _train_loop=Loop())
    if message is None:
        MatchingCheckpointHook().before_run(runner)
        return
    with pytest.raises(CheckpointError, match=message):
        MatchingCheckpointHook().before_run(runner)
    runner._train_loop = dict(type='not built')         # a test initialises nothing
    MatchingCheckpointHook().before_run(runner)


def test_layers_of_other_keypoints_may_differ_in_an_init_cfg(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3))
    torch.save(torch.nn.Linear(2, 4).state_dict(), tmp_path / 'a.pth')
    model[0].init_cfg = [dict(type='Pretrained', checkpoint=str(tmp_path / 'a.pth'))]
    MatchingCheckpointHook(['0.*']).before_run(SimpleNamespace(model=model, _train_loop=Loop()))


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


@pytest.mark.slow
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
