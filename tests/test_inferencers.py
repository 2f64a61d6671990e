"""mmpose's own inferencer takes our configs and weights, whole images and boxes."""
import cv2
import numpy as np
import pytest
from mmpose.apis import MMPoseInferencer

from hourglass.apis import init_model, predict
from hourglass.checkpoints.names import find_config

BOXES = np.array([[20.0, 10, 90, 110], [25, 12, 95, 115], [60, 5, 128, 90]])    # two are alike


@pytest.mark.parametrize('name', ['flic-small', 'lsp-small'])
def test_it_finds_what_predict_finds(name, synthetic, tmp_path):
    path = str(min((synthetic / 'synthetic/test/images').iterdir()))
    inferencer = MMPoseInferencer(str(find_config(name)), f'hourglass://{name}',
                                  det_model='whole_image', device='cpu')
    model = init_model(name, device='cpu')
    whole = next(inferencer(path, out_dir=str(tmp_path)))
    boxed = next(inferencer(path, bboxes=[BOXES]))
    for found, expected in ((whole, predict(model, path)), (boxed, predict(model, path, BOXES))):
        keypoints = [person['keypoints'] for person in found['predictions'][0]]
        assert np.array(keypoints) == pytest.approx(expected.keypoints, abs=1e-3)   # float32 boxes
    drawn = cv2.imread(str(next((tmp_path / 'visualizations').iterdir())))
    assert (drawn != cv2.imread(path)).any()
    assert len(next(inferencer(path))['predictions'][0]) == 1           # the boxes are forgotten
