"""Skeletons: mmpose reads them, and names that do not exist are refused."""
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from pairs import zip_equal

from hourglass.datasets.skeletons import FLIC, LSP, MPII, SKELETONS, define_skeleton, keypoint_names


@pytest.mark.parametrize('name', SKELETONS)
def test_sides_are_swapped_by_a_flip_and_every_keypoint_is_connected(name):
    info = parse_pose_metainfo(SKELETONS[name])
    names = keypoint_names(SKELETONS[name])
    assert info['dataset_name'] == name and info['num_keypoints'] == len(names)
    for keypoint, flipped in zip_equal(names, info['flip_indices']):
        side = keypoint.split('_')[0]
        swapped = {'left': keypoint.replace('left', 'right'),
                   'right': keypoint.replace('right', 'left')}.get(side, keypoint)
        assert names[flipped] == swapped
    assert sorted(info['upper_body_ids'] + info['lower_body_ids']) == list(range(len(names)))
    connected = {end for link in info['skeleton_links'] for end in link}
    assert connected == set(range(len(names)))


def test_numbers_of_keypoints_and_lower_bodies():
    found = [(len(keypoint_names(skeleton)), len(parse_pose_metainfo(skeleton)['lower_body_ids']))
             for skeleton in (MPII, FLIC, LSP)]
    assert found == [(16, 7), (11, 2), (14, 6)]


@pytest.mark.parametrize('change', [dict(lower='left_knee'), dict(bones='head-left_knee')])
def test_an_unknown_keypoint_is_refused(change):
    with pytest.raises(ValueError, match="mine: no keypoint 'left_knee'; name one of"):
        define_skeleton(**dict(dataset_name='mine', order='head left_hip', lower='left_hip',
                               bones='head-left_hip') | change)


@pytest.mark.parametrize('skeleton', SKELETONS.values(), ids=SKELETONS)
def test_names_are_those_of_the_definition_in_either_form(skeleton):
    names = keypoint_names(skeleton)
    assert keypoint_names(parse_pose_metainfo(skeleton)) == names
    assert len(names) == len(set(names)) == {'mpii': 16, 'flic': 11, 'lsp': 14}[
        skeleton['dataset_name']]


def test_the_order_is_that_of_the_annotation():
    arm = define_skeleton('arm', order='wrist elbow', lower='', bones='wrist-elbow')
    assert keypoint_names(arm) == ['wrist', 'elbow']
    # in any order of the dictionary
    arm['keypoint_info'] = dict(reversed(arm['keypoint_info'].items()))
    assert keypoint_names(arm) == ['wrist', 'elbow']


def test_a_star_stands_for_both_sides():
    order = 'left_wrist right_wrist nose'
    assert define_skeleton('arms', order, '*_wrist', 'nose-*_wrist') == define_skeleton(
        'arms', order, 'right_wrist left_wrist', 'nose-right_wrist nose-left_wrist')
