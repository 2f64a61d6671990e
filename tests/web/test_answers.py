"""Models and poses as JSON: colours for CSS, and arrays that decode to the same numbers."""
import pytest

pytest.importorskip('flask')

import json
from base64 import b64decode
from types import SimpleNamespace

import cv2
import numpy as np

from hourglass.inference.predict import Poses
from hourglass.web.app import model_as_json, poses_as_json

RNG = np.random.default_rng(0)


def test_a_model_is_described():
    meta = dict(num_keypoints=2, keypoint_id2name={1: 'left_ankle', 0: 'nose'},
                keypoint_colors=np.array([(0, 110, 255), (255, 1, 0)]),         # BGR
                skeleton_links=[(1, 0)], skeleton_link_colors=np.array([(0, 170, 10)]))
    model = SimpleNamespace(dataset_meta=meta, num_stages=3, stage=2, input_size=(64, 48))
    assert model_as_json('mine', model) == dict(
        name='mine', shows='whole body', stages=3, stage=2, input_size=(64, 48),
        joints=[dict(name='nose', color='#ff6e00'), dict(name='left ankle', color='#0001ff')],
        bones=[dict(ends=[1, 0], color='#0aaa00')])
    meta['keypoint_id2name'][1] = 'left_hip'
    assert model_as_json('mine', model)['shows'] == 'upper body'


def test_poses_decode_to_the_same_numbers():
    poses = Poses(
        keypoints=RNG.random((2, 3, 2)), scores=RNG.random((2, 3)), boxes=RNG.random((2, 4)),
        whole_image=False, image_size=(9, 7), probability=RNG.random((2, 3)),
        stage_keypoints=RNG.random((2, 4, 3, 2)),
        stage_heatmaps=RNG.random((2, 4, 3, 6, 5)).astype('f4'),
        # (P, H, W, 3), laid out channel by channel as crops are
        inputs=RNG.integers(0, 256, (2, 3, 24, 20), np.uint8).transpose(0, 2, 3, 1))
    answer = json.loads(json.dumps(poses_as_json(poses)))
    assert answer['image_size'] == [9, 7]
    for person, found in enumerate(answer['people']):
        for name, values in dict(keypoints=poses.keypoints, scores=poses.scores, box=poses.boxes,
                                 probability=poses.probability,
                                 stage_keypoints=poses.stage_keypoints).items():
            assert np.array_equal(found[name], values[person])
        heatmaps = np.frombuffer(b64decode(found['heatmaps']['data']), '<f4')
        assert np.array_equal(heatmaps.reshape(found['heatmaps']['shape']),
                              poses.stage_heatmaps[person])
        png = np.frombuffer(b64decode(found['input']), np.uint8)
        assert np.array_equal(cv2.imdecode(png, cv2.IMREAD_COLOR), poses.inputs[person])


def test_an_image_without_people_needs_no_stages():
    nothing = np.empty((0, 3))
    answer = poses_as_json(Poses(nothing, nothing, nothing, False, (9, 7)))
    assert answer == dict(image_size=(9, 7), people=[])
