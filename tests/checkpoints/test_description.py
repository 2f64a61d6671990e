"""What weights say of themselves is read as it was written, or refused."""
import json
from dataclasses import replace

import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from hourglass.checkpoints.description import Description
from hourglass.datasets.skeletons import SKELETONS, outline
from hourglass.errors import CheckpointError

PIXELS = dict(mean=[120, 110, 100], std=[50, 60, 70])


def describe(skeleton: dict) -> Description:
    return Description(**outline(skeleton), input_size=[128, 96], **PIXELS, refine='parabola',
                       stage=1, flip=False)


@pytest.mark.parametrize('name', SKELETONS)
def test_it_is_read_as_it_was_written_and_draws_as_mmpose_does(name):
    about = describe(SKELETONS[name])
    assert Description.of(about.metadata(), 'a') == about
    parsed = parse_pose_metainfo(SKELETONS[name])
    assert describe(parsed) == about
    metainfo = about.metainfo()
    assert metainfo.pop('observer_sides') == (name == 'flic')
    assert not replace(about, observer_sides=False).metainfo()['observer_sides']
    for key, value in metainfo.items():
        assert np.array_equal(value, parsed[key]), key


def test_weights_without_one_have_none():
    assert Description.of({}, 'a') is None


@pytest.mark.parametrize('changes', [
    dict(refine='best'), dict(flip_indices=[0]), dict(links=[[0, 99]]), dict(input_size=[1, 2, 3]),
    dict(keypoints=7), dict(flip_indices=[0] * 11), dict(stage='last'), dict(input_size=[0, 64]),
    dict(input_size=[64, 10**9]), dict(mean=[1, 2]), dict(std=[1, 2, 0]), dict(std='abc'),
    dict(mean=[1, 2, float('nan')]), dict(std=[1, 2, float('inf')])])
def test_one_that_cannot_be_read_is_refused_in_a_line(changes):
    text = replace(describe(SKELETONS['flic']), **changes).metadata()
    for meta in (text, {key: '{' for key in text}, {key: json.dumps({'a': 1}) for key in text},
                 {key: '[' * 100_000 for key in text}):
        with pytest.raises(CheckpointError, match=r'^a\.pth: its description cannot be read \('):
            Description.of(meta, 'a.pth')
