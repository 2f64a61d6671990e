"""From images to keypoints: the same as by mmpose's way, in the image's own px, or refused."""
import json

import cv2
import numpy as np
import pytest
from mmpose.apis import inference_topdown
from pairs import zip_equal
from PIL import Image

from hourglass.apis import predict
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation.calibration import Calibration
from hourglass.inference.places import Request
from hourglass.inference.predict import predict_each
from hourglass.models.stages import shallow_copy

BOXES = np.array([[20, 10, 90, 110], [60.5, 5, 130, 90]])


def test_boxes_give_what_mmpose_gives(model, image):
    ours = predict(model, image, BOXES)
    theirs = inference_topdown(model.estimator(), image, BOXES)
    for person, sample in enumerate(theirs):
        # theirs rounds the box to float32 before it is halved
        assert ours.keypoints[person] == pytest.approx(sample.pred_instances.keypoints[0], abs=1e-3)
        assert ours.scores[person] == pytest.approx(sample.pred_instances.keypoint_scores[0],
                                                    abs=1e-5)
    assert not ours.whole_image
    assert np.ptp(ours.boxes.reshape(-1, 2, 2), axis=1) == pytest.approx(
        np.array([[125, 125], [106.25, 106.25]]), abs=1e-4)


def test_an_image_may_be_a_path_an_array_or_pillows(model, image, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    sources = [tmp_path / 'a.png', str(tmp_path / 'a.png'), image, Image.open(tmp_path / 'a.png'),
               np.dstack([image, image[..., 0]])]
    found = predict(model, sources, [BOXES] * len(sources))
    for poses in found[1:]:
        assert np.array_equal(poses.keypoints, found[0].keypoints)
    assert predict(model, image[..., 1], whole_image=True).keypoints.shape == (1, 11, 2)


def test_a_photograph_is_turned_upright_as_viewers_do(model, image, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6                        # shown turned by 90 degrees to the right
    stored = cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)
    Image.fromarray(stored[..., ::-1]).save(tmp_path / 'phone.png', exif=exif)
    assert np.array_equal(predict(model, tmp_path / 'phone.png', whole_image=True).keypoints,
                          predict(model, image, whole_image=True).keypoints)


def test_keypoints_move_with_the_image(model, image):
    shift = np.array([30, 70])
    moved = np.zeros((300, 260, 3), np.uint8)
    moved[shift[1]:, shift[0]:][:image.shape[0], :image.shape[1]] = image
    here = predict(model, image, BOXES[:1])
    there = predict(model, moved, BOXES[:1] + np.tile(shift, 2))
    assert there.keypoints == pytest.approx(here.keypoints + shift, abs=1e-3)
    assert there.boxes == pytest.approx(here.boxes + np.tile(shift, 2), abs=1e-3)


def test_a_large_image_is_averaged_down_not_sampled(model, image):
    """Noise of 40 in every px of an image eight times larger nearly vanishes in the crop."""
    large = cv2.resize(image, None, fx=8, fy=8, interpolation=cv2.INTER_LINEAR)
    noise = np.random.default_rng(0).normal(0, 40, large.shape)
    noisy = np.clip(large + noise, 0, 255).astype(np.uint8)
    clean, found = (predict(model, one, whole_image=True, inputs=True) for one in (large, noisy))
    difference = found.inputs.astype(float) - clean.inputs
    assert difference.std() < 40 / 3            # 4x4 px averaged: 40 / 4 before the crop
    small = predict(model, image, whole_image=True)
    assert found.boxes / 8 == pytest.approx(small.boxes, abs=1e-3)
    assert clean.keypoints[0, 0] / 8 == pytest.approx(small.keypoints[0, 0], abs=1)


def test_centres_and_scales_are_crops(model, image):
    center, side = np.array([[60.0, 50.0]]), 100.0
    by_scale = predict(model, image, centers=center, scales=[side / 200])
    corner = center[0] + 0.5 - side / 2         # a box counts from the image's corner
    by_box = predict(model, image, [[*corner, *corner + side]], padding=1)
    assert np.array_equal(by_scale.keypoints, by_box.keypoints)


def test_results_do_not_depend_on_the_batches(model, image):
    images, boxes = [image, image[:, ::-1].copy(), image], [BOXES, None, []]
    together, apart = (predict(model, images, boxes, batch_size=size) for size in (32, 1))
    assert [len(poses.keypoints) for poses in together] == [2, 1, 0]
    assert [poses.whole_image for poses in together] == [False, True, False]
    for one, other in zip_equal(together, apart):
        assert one.keypoints == pytest.approx(other.keypoints, abs=1e-3)     # sums in another order
    assert predict(model, [], whole_image=True) == []
    no_person = predict(model, image, centers=np.zeros((0, 2)), scales=[])
    assert no_person.keypoints.shape == (0, 11, 2) and not no_person.whole_image


def test_images_without_people_do_not_pile_up_behind_a_person(model, image):
    started = []

    def requests():
        for number in range(20):
            started.append(number)
            yield Request(image, str(number), [[5, 5, 60, 60]] if number == 0 else [])
    _, found = next(predict_each(model, requests(), batch_size=4))
    assert len(found.keypoints) == 1 and len(started) == 4


def test_a_mirrored_image_has_mirrored_keypoints_with_the_flip(model, image):
    swapped = model.dataset_meta['flip_indices']
    poses, mirrored = predict(model, [image, image[:, ::-1].copy()], whole_image=True)
    back = mirrored.keypoints[:, swapped] * [-1, 1] + [image.shape[1] - 1, 0]
    # mmpose's crop lies half an input pixel off the middle, which the mirrored one feels
    assert np.median(np.abs(back - poses.keypoints)) < 1
    alone = predict(model, image, whole_image=True, flip=False)
    assert not np.array_equal(alone.scores, poses.scores)


def test_places_that_are_none_are_refused_with_the_image_they_belong_to(model, image):
    with pytest.raises(DataError, match=r'image 1: boxes of shape \(1, 3\)'):
        predict(model, [image, image], [BOXES, [[1, 2, 3]]])


def test_what_cannot_be_used_is_refused_in_a_line(model, image, tmp_path):
    with pytest.raises(DataError, match='boxes: 1 given for 2 images'):
        predict(model, [image, image], [BOXES])
    with pytest.raises(ConfigError, match='no stage of index 2: the network has 2'):
        predict(model, image, whole_image=True, stage=2)
    for wrong in (image.astype(float), image[..., :2], np.zeros((0, 5, 3), np.uint8), 3):
        with pytest.raises(DataError, match='an image'):
            predict(model, wrong, whole_image=True)
    with pytest.raises(DataError, match='gone.jpg: no such image'):
        predict(model, tmp_path / 'gone.jpg', whole_image=True)


def test_stages_heatmaps_and_inputs_on_request(model, image):
    poses = predict(model, image, BOXES, stages=True, heatmaps=True, inputs=True)
    first = predict(model, image, BOXES, stage=0, heatmaps=True)
    assert poses.stage_keypoints.shape == (2, 2, 11, 2)
    assert np.allclose(poses.stage_keypoints[:, -1], poses.keypoints, atol=1e-4)
    assert np.allclose(poses.stage_keypoints[:, 0], first.keypoints, atol=1e-4)
    assert not np.allclose(first.keypoints, poses.keypoints, atol=0.1)
    assert np.array_equal(poses.stage_heatmaps[:, 0], first.heatmaps)
    assert np.array_equal(poses.heatmaps.max((2, 3)), poses.scores)
    assert poses.inputs.shape == (2, 128, 128, 3)
    plain = predict(model, image, BOXES)
    assert plain.heatmaps is plain.stage_keypoints is plain.inputs is None


def test_poses_know_their_joints_and_become_json_and_coco(model, image):
    poses = predict(model, image, BOXES, probability=True)
    assert poses.names[:2] == ['left_shoulder', 'left_elbow']
    found = json.loads(json.dumps(poses.to_dict()))
    assert found['image_size'] == [128, 128] and not found['whole_image']
    wrist = found['people'][1]['keypoints'][2]
    assert wrist['keypoint'] == 'left_wrist'
    assert [wrist[column] for column in ('x', 'y', 'score', 'probability')] == pytest.approx(
        [*poses.keypoints[1, 2], poses.scores[1, 2], poses.probability[1, 2]], abs=1e-4)
    assert found['people'][1]['crop'] == pytest.approx(poses.boxes[1], abs=1e-4)
    for_coco = poses.to_coco('a')
    assert [one['image_id'] for one in for_coco] == ['a', 'a']
    assert for_coco[1]['keypoints'][6:9] == [wrist['x'], wrist['y'], wrist['score']]
    assert for_coco[0]['score'] == pytest.approx(poses.scores[0].mean(), abs=1e-6)
    nobody = predict(model, image, [])
    assert nobody.to_dict()['people'] == nobody.to_coco(1) == []


def test_poses_become_a_table_of_pandas(model, image):
    pandas = pytest.importorskip('pandas')
    poses = predict(model, image, BOXES, probability=True)
    table = poses.to_pandas()
    assert isinstance(table, pandas.DataFrame) and len(table) == 2 * 11
    wrist = poses.to_dict()['people'][1]['keypoints'][2]
    assert table.iloc[13].to_dict() == dict(wrist, person=1)
    nobody = predict(model, image, []).to_pandas()
    assert nobody.empty and list(nobody) == list(table)[:5]


def test_where_people_are_is_asked_for(model, image):
    for places in ({}, dict(boxes=BOXES, whole_image=True)):
        with pytest.raises(ConfigError, match='where are the people.*find_detector'):
            predict(model, image, **places)
    with pytest.raises(ConfigError, match=r"init_model\('lsp-small'\) loads one"):
        predict('lsp-small', image, whole_image=True)
    assert [one.whole_image for one in predict(model, [image] * 2, [BOXES, None])] == [False, True]


def test_probabilities_are_those_of_the_calibration_and_of_its_settings_alone(model, image):
    with pytest.raises(ConfigError, match='these weights are not calibrated; hourglass test'):
        predict(uncalibrated(model), image, whole_image=True, probability=True)
    calibrated = uncalibrated(model)
    calibrated.calibration = Calibration('PCK@0.2', 9, stage=1, flip=True, maps=dict(
        any=[[0.0, 1.0], [0.0, 0.5]], wrist=[[0.0], [0.25]]))
    poses = predict(calibrated, image, BOXES, probability=True)
    expected = np.clip(poses.scores, 0, 1) / 2
    expected[:, [2, 5]] = 0.25
    assert poses.probability == pytest.approx(expected)
    assert predict(calibrated, image, BOXES).probability is None
    nobody = predict(calibrated, image, np.zeros((0, 4)), probability=True)
    assert nobody.probability.shape == (0, 11)
    for settings in (dict(flip=False), dict(stage=0)):
        with pytest.raises(ConfigError, match='calibrated for stage 1 with the mirrored image'):
            predict(calibrated, image, whole_image=True, probability=True, **settings)


def uncalibrated(model):
    copied = shallow_copy(model)
    copied.calibration = None
    return copied
