"""What the poses of one image hold, and what they hold on request alone."""
import numpy as np

from hourglass.apis import predict

BOXES = np.array([[20, 10, 90, 110], [60.5, 5, 130, 90]])


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
