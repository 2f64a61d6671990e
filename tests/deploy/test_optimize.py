"""Faster estimators: the same keypoints, and nothing computed behind the requested stage."""
import re

import numpy as np
import pytest
import torch
from tiny_network import write_tiny_network
from torch import nn

from hourglass.apis import init_model, predict
from hourglass.datasets.synthetic import render_person
from hourglass.deploy.runtimes import RUNTIMES, optimized
from hourglass.errors import ConfigError
from hourglass.models.stages import shallow_copy

CLOSE_PX = 0.01                 # of the image: what rounding moves a peak by


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    return write_tiny_network(tmp_path_factory.mktemp('tiny'))


@pytest.fixture(scope='module')
def model(files):
    return init_model(*files, device='cpu')


@pytest.fixture(scope='module')
def image():
    return render_person(3, (128, 128))[0]


@pytest.mark.parametrize('how', ['auto', 'none', 'fuse', 'ncnn'])
@pytest.mark.parametrize('stage', [None, 0])
def test_keypoints_are_the_same(files, model, image, how, stage):
    if how in RUNTIMES and RUNTIMES[how].missing():
        pytest.skip(RUNTIMES[how].missing())
    boxes = [[10, 10, 120, 120], [30, 20, 90, 100]]
    fast = init_model(*files, device='cpu', optimize=how, stage=stage)
    for flip in (None, True):
        expected = predict(model, image, boxes, stage=stage, flip=flip)
        found = predict(fast, image, boxes, flip=flip)
        assert np.abs(found.keypoints - expected.keypoints).max() < CLOSE_PX
        assert np.abs(found.scores - expected.scores).max() < 1e-4 * expected.scores.max()


def test_what_is_behind_a_stage_is_not_computed(model, image):
    ran = []
    hooks = [hourglass.register_forward_hook(lambda *_, stack=stack: ran.append(stack))
             for stack, hourglass in enumerate(model.network.hourglasses)]
    try:
        predict(model, image, whole_image=True, stage=0, flip=False)
        assert ran == [0]
        predict(model, image, whole_image=True, stages=True, stage=0, flip=False)   # all of them
        assert ran == [0, 0, 1]
    finally:
        for hook in hooks:
            hook.remove()


def test_the_model_stays_as_it_is(model, image):
    before = predict(model, image, whole_image=True, stages=True)
    model.until_stage(0)
    optimized(model, 'fuse', stage=0)
    after = predict(model, image, whole_image=True, stages=True)
    assert np.array_equal(before.stage_keypoints, after.stage_keypoints)
    assert (model.num_stages, model.stage) == (2, 1)


def test_people_leave_early_and_are_counted(image, tmp_path):
    files = write_tiny_network(tmp_path, stacks=4)
    model = init_model(*files, device='cpu')
    for tolerance, stage in ((1e6, 1), (0, 3)):
        early = init_model(*files, device='cpu', exit_tolerance=tolerance)
        found = predict(early, image, [[10, 10, 120, 120]] * 3, flip=False)
        assert early.network.left[stage] == 3 == sum(early.network.left.values())
        expected = predict(model, image, [[10, 10, 120, 120]] * 3, flip=False, stage=stage)
        assert np.abs(found.keypoints - expected.keypoints).max() < CLOSE_PX


@pytest.mark.parametrize('how', ['none', 'ncnn'])
def test_people_who_leave_early_have_no_probability(image, how):
    if missing := RUNTIMES[how].missing():
        pytest.skip(missing)
    early = init_model('flic-small4', device='cpu', optimize=how, exit_tolerance=1)
    with pytest.raises(ConfigError, match='calibrated for stage 3, and with exit_tolerance'):
        predict(early, image, whole_image=True, probability=True)


def test_two_stacks_have_no_early_exit(files):
    with pytest.raises(ConfigError, match='2 stacks, and early exit'):
        init_model(*files, device='cpu', exit_tolerance=1)


@pytest.mark.parametrize(('ask', 'words'), [
    (dict(stage=1), 'stage 1: .* stage 0 alone'), (dict(stage=-1), 'stage 0 alone'),
    (dict(stage=5), 'the network has 2'), (dict(stages=True), 'stages: .* stage 0 alone')])
def test_an_optimised_network_has_one_stage(model, image, ask, words):
    one = optimized(model, 'fuse', stage=0)
    assert predict(one, image, whole_image=True, stage=0).keypoints.shape == (1, 16, 2)
    with pytest.raises(ConfigError, match=words):
        predict(one, image, whole_image=True, **ask)


def test_threads_may_predict_from_different_stages_of_one_model(model, image):
    from concurrent.futures import ThreadPoolExecutor

    def keypoints_of(stage):
        return predict(model, image, whole_image=True, stage=stage).keypoints
    with torch.no_grad():
        expected = [keypoints_of(stage) for stage in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(keypoints_of, [0, 1] * 5))
    for index, keypoints in enumerate(found):
        assert np.array_equal(keypoints, expected[index % 2])


class TwoOutputs(nn.Module):
    """Another network than an hourglass, with two outputs of different values."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 4, stride=4)

    def forward(self, images):
        return self.conv(images), -self.conv(images)


@pytest.mark.parametrize('how', ['none', 'auto'])
def test_other_networks_predict_from_the_stage_that_is_asked_for(model, how):
    other = shallow_copy(model)
    other.network, other.to_heatmaps = TwoOutputs(), nn.ModuleList([nn.Identity(), nn.Identity()])
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for stage in (0, 1):
            found, = optimized(other, how, stage).outputs(images)
            assert torch.equal(found, other.network(images)[stage])


@pytest.mark.parametrize('name', ['people', 'flic'])
def test_the_large_networks_of_the_package_have_a_faster_way(name, caplog):
    """Their heatmaps of noise are so low that rounding is over 1e-4 of them."""
    with caplog.at_level('INFO', 'hourglass.deploy.runtimes'):
        optimized(init_model(name, device='cpu'))
    assert re.search(r'optimize: .*\(none [\d.]+ ms, fuse ', caplog.text)
