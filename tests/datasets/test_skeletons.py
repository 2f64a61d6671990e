"""Skeletons: mmpose reads them, and names that do not exist are refused."""
import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from pairs import zip_equal

from hourglass.datasets.skeletons import (
    COCO,
    FLIC,
    LSP,
    MPII,
    SKELETONS,
    define_skeleton,
    find_pairs,
    keypoint_names,
    with_flip_pairs,
)
from hourglass.errors import ConfigError


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
             for skeleton in (MPII, FLIC, LSP, COCO)]
    assert found == [(16, 7), (11, 2), (14, 6), (17, 6)]


@pytest.mark.parametrize('skeleton', SKELETONS.values(), ids=SKELETONS)
def test_names_are_those_of_the_definition_in_either_form(skeleton):
    names = keypoint_names(skeleton)
    assert keypoint_names(parse_pose_metainfo(skeleton)) == names
    assert len(names) == len(set(names)) == {
        'mpii': 16, 'flic': 11, 'lsp': 14, 'coco': 17}[skeleton['dataset_name']]


def test_cocos_joints_are_mmposes():
    theirs = parse_pose_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))
    ours = parse_pose_metainfo(COCO)
    for key in ('keypoint_id2name', 'flip_indices', 'lower_body_ids'):
        assert ours[key] == theirs[key]
    assert np.array_equal(ours['sigmas'], theirs['sigmas'])
    assert {frozenset(bone) for bone in ours['skeleton_links']} == {
        frozenset(bone) for bone in theirs['skeleton_links']} - {frozenset((1, 2))}


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


SIDES = [
    ('left_eye', 'right_eye'), ('L_Eye', 'R_Eye'), ('Left_Eye', 'Right_Eye'),
    ('LEFT-EYE', 'RIGHT-EYE'),
    ('eye_left', 'eye_right'), ('leftEye', 'rightEye'), ('LeftEye', 'RightEye'), ('LEye', 'REye'),
    ('eyeL', 'eyeR'), ('x.l', 'x.r'), ('leye', 'reye'), ('lefteye', 'righteye'),
    ('eye (left)', 'eye (right)'), ('Left eye', 'Right eye'), ('lt_eye', 'rt_eye'),
    ('hand_l_2', 'hand_r_2'), ('forelegL1', 'forelegR1'), ('LF_Paw', 'RF_Paw'), ('fl', 'fr'),
    ('front_l', 'front_r'), ('left_eye_left_corner', 'right_eye_right_corner'), ('left', 'right'),
    ('r_corner_l', 'r_corner_r')]


@pytest.mark.parametrize('pair', SIDES, ids='-'.join)
def test_the_usual_spellings_of_sides_are_pairs(pair):
    assert find_pairs(['nose', *pair, 'tail']) == ([(1, 2)], [])
    assert find_pairs(['nose', *pair[::-1]]) == ([(2, 1)], [])                  # left first
    info = parse_pose_metainfo(define_skeleton('mine', ['nose', *pair]))
    assert info['flip_indices'] == [0, 2, 1]


def test_names_without_sides_are_no_pairs():
    for names in (['lip', 'rump', 'tail_root', 'collar', 'ear', 'leg', 'L', 'R', 'p1', 'p2'],
                  [f'kpt-{i}' for i in range(98)], [chr(97 + i) for i in range(26)]):
        assert find_pairs(names) == ([], [])


@pytest.mark.parametrize('name', ['left_x', 'x.l', 'L_Eye', 'leftEye', 'right', 'leftshoulder'])
def test_a_side_without_a_partner_is_reported_and_not_swapped(name):
    assert find_pairs(['nose', name, 'tail']) == ([], [name])
    assert parse_pose_metainfo(define_skeleton('mine', ['nose', name]))['flip_indices'] == [0, 1]
    assert find_pairs(['nose', name, 'left_y', 'right_y'])[1] == [name]


def test_given_pairs_replace_those_of_the_names():
    names = ['left_a', 'right_a', 'near', 'off']
    info = parse_pose_metainfo(define_skeleton('mine', names, flip_pairs=[('near', 'off')]))
    assert info['flip_indices'] == [0, 1, 3, 2]
    assert with_flip_pairs(define_skeleton('mine', names), [])['keypoint_info'] == define_skeleton(
        'mine', names, flip_pairs=[])['keypoint_info']


def test_a_hyphen_and_a_blank_may_be_in_a_name():
    names = ['left-eye', 'right-eye', 'tail end']
    info = define_skeleton('mine', 'left-eye right-eye', bones='left-eye-right-eye')
    assert info['skeleton_info'][0]['link'] == ('left-eye', 'right-eye')
    info = define_skeleton('mine', names, ['tail end'], [('left-eye', 'tail end')])
    assert parse_pose_metainfo(info)['skeleton_links'] == [(0, 2)]
    assert parse_pose_metainfo(info)['lower_body_ids'] == [2]


@pytest.mark.parametrize(('change', 'message'), [
    (dict(lower='left_knee'), "skeleton 'mine': no keypoint 'left_knee'; name one of head"),
    (dict(bones='head-left_hipp'), "no keypoint 'left_hipp', did you mean 'left_hip'[?]; name one"),
    (dict(bones='head'), "bone 'head' does not name two keypoints"),
    (dict(bones=[('head', 'tail')]), "no keypoint 'tail'; name one of head, left_hip, a, a-b, b"),
    (dict(bones='a-b-b'), "bone 'a-b-b' does not name two keypoints; give bones as pairs"),
    (dict(order='head head'), "'head' names two keypoints"),
    (dict(flip_pairs=[('head', 'tail')]), "flip_pairs of 'mine': no keypoint 'tail'"),
    (dict(flip_pairs=['ab']), 'give pairs of names, such as'),
    (dict(flip_pairs=[('a', 'b'), ('a', 'head')]), "'a' is in two of them")])
def test_a_definition_that_cannot_be_is_refused_in_one_line(change, message):
    options = dict(dataset_name='mine', order='head left_hip a a-b b b-b') | change
    with pytest.raises(ConfigError, match=message) as error:
        define_skeleton(**options)
    assert '\n' not in str(error.value)
