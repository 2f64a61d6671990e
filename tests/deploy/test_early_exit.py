"""Each person leaves where two stages agree, with the heatmaps of the stage where it left."""
import pytest
import torch
from tiny_network import as_if_trained

from hourglass import StackedHourglass
from hourglass.codecs.hourglass_heatmap import draw_gaussians
from hourglass.deploy.early_exit import Agreement
from hourglass.deploy.runtimes import ROUNDING, RUNTIMES, deviation, run_by
from hourglass.errors import ConfigError

RUNNERS = [
    pytest.param(name, marks=pytest.mark.skipif(bool(RUNTIMES[name].missing()),
                                                reason=f'{name} is not installed'))
    for name in ('fuse', 'ncnn')]


def test_stages_agree_when_every_keypoint_stays_within_the_tolerance():
    at = torch.tensor([[[4.0, 5], [9, 3]], [[4, 5], [9, 3]], [[4, 5], [9, 3]]])     # (B, K, 2)
    moved = at + torch.tensor([[[0.0, 0], [0, 0]], [[0.5, 0], [0, 0]], [[0, 0], [0.9, 1.2]]])
    maps = [torch.stack([torch.from_numpy(draw_gaussians(person.numpy(), (16, 16), 1))
                         for person in people]) for people in (at, moved)]
    network = StackedHourglass(num_stacks=3, channels=4, depth=1)
    for tolerance, expected in ((0.01, [True, False, False]), (0.51, [True, True, False]),
                                (1.51, [True, True, True])):
        assert Agreement(network, tolerance)(*maps).tolist() == expected


@pytest.mark.parametrize('name', RUNNERS)
@torch.no_grad()
def test_each_person_has_the_heatmaps_of_the_stage_where_it_left(name):
    network = as_if_trained(StackedHourglass(num_stacks=4, channels=16, depth=1, num_keypoints=1))
    images = torch.randn(24, 3, 64, 64)
    stages = network(images)
    places = Agreement(network, 0).places
    moves = torch.stack([(places(a)[0] - places(b)[0]).norm(dim=-1).amax(-1)
                         for a, b in zip(stages, stages[1:])])    # (3, 24)
    tolerance = float(moves.quantile(0.3))
    agreed = torch.cat([moves <= tolerance, torch.ones(1, 24, dtype=torch.bool)])
    left = agreed.int().argmax(0) + 1
    left = left.clamp(max=3)
    assert set(left.tolist()) == {1, 2, 3}              # else this shows nothing
    run = run_by(name, network, (64, 64), exit_tolerance=tolerance)
    found = run(images)[0]
    for person, stage in enumerate(left):
        assert deviation(found[person], stages[stage][person]) < ROUNDING
    assert [run.left[stage] for stage in range(4)] == torch.bincount(left, minlength=4).tolist()


@pytest.mark.parametrize('name', RUNNERS)
@torch.no_grad()
def test_nothing_behind_the_last_exit_is_computed(name):
    network = as_if_trained(StackedHourglass(num_stacks=3, channels=16, depth=1, num_keypoints=2))
    for parameter in network.hourglasses[2].parameters():
        parameter.fill_(torch.nan)
    found = run_by(name, network, (64, 64), exit_tolerance=1000)(torch.randn(2, 3, 64, 64))[0]
    assert found.isfinite().all()


@pytest.mark.parametrize(('options', 'tolerance', 'words'), [
    (dict(), -1, 'exit_tolerance=-1'), (dict(), float('nan'), 'exit_tolerance=nan'),
    (dict(num_keypoints=None), 1, 'num_keypoints=None'),
    (dict(num_stacks=2), 1, '2 stacks, and early exit')])
@pytest.mark.parametrize('name', RUNNERS)
def test_what_cannot_be_compared_is_refused(name, options, tolerance, words):
    network = StackedHourglass(**(dict(num_stacks=3, channels=8, depth=1) | options))
    with pytest.raises(ConfigError, match=words):
        run_by(name, network, (64, 64), tolerance)
