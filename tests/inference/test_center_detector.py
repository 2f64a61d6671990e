"""A detector that is trained, converted and loaded without its config finds what it learned."""
import json

import cv2
import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from mmengine.registry import MODELS, init_default_scope
from pairs import zip_equal

from hourglass.checkpoints.convert import convert_checkpoint
from hourglass.checkpoints.names import weights_by_name
from hourglass.datasets.box_geometry import overlaps
from hourglass.datasets.boxes import FitImage, PackBoxes
from hourglass.errors import CheckpointError, ConfigError
from hourglass.inference.detectors import find_detector

SIDE = 64


def white_boxes(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (count, 3, 64, 64) of a white box each, and the boxes (count, 5)."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(4, 28, (count, 2))
    boxes = np.column_stack([corners, corners + rng.integers(14, 32, (count, 2)), np.ones(count)])
    images = np.zeros((count, 3, SIDE, SIDE), np.float32)
    for image, (x1, y1, x2, y2, _) in zip_equal(images, boxes.astype(int)):
        image[:, y1:y2, x1:x2] = 255
    return torch.from_numpy(images), torch.from_numpy(boxes.astype(np.float32))


@pytest.fixture(scope='module')
def trained():
    """A tiny detector that has learned to find white boxes, in a second."""
    init_default_scope('hourglass')
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='CenterDetector', longer_side=SIDE,
        backbone=dict(type='StackedHourglass', num_stacks=1, channels=16, num_keypoints=None,
                      depth=1, stem_channels=(4, 8, 16)),
        data_preprocessor=dict(type='ImgDataPreprocessor', mean=[0], std=[255])))
    images, boxes = white_boxes(16)
    halves = torch.nn.functional.avg_pool2d(images, 2), boxes * torch.tensor([0.5] * 4 + [1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(100):
        pixels, truth = (images, boxes) if step % 2 else halves
        optimizer.zero_grad()
        loss = sum(model._run_forward(dict(inputs=pixels / 255, data_samples=[
            Sample(one) for one in truth.split(1)]), mode='loss').values())
        loss.backward()
        optimizer.step()
    return model.eval()


class Sample:
    """What training needs of a sample."""

    def __init__(self, boxes: torch.Tensor):
        self.boxes = boxes


@pytest.fixture(scope='module')
def weights(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp('detector')
    torch.save(dict(state_dict=trained.state_dict()), folder / 'a.pth')
    convert_checkpoint(folder / 'a.pth', folder / 'a.safetensors')
    return folder / 'a.safetensors'


def test_it_finds_what_it_learned(weights):
    """In images twice as large; the intersection over union with the true box is 0.5 or more."""
    detect = find_detector(f'hourglass:{weights}')
    assert detect.score == 0.3
    images, boxes = white_boxes(16)
    for image, box in zip_equal(images, 2 * boxes[:, :4].numpy()):
        pixels = cv2.resize(image.permute(1, 2, 0).numpy(), None, fx=2, fy=2).astype(np.uint8)
        assert overlaps(box, detect(pixels)).max() >= 0.5


@pytest.mark.parametrize(('name', 'score'), [('people.jpg', None), ('people-hard.jpg', 0.15)])
def test_the_shipped_one_finds_a_person_who_fills_the_image(name, score):
    """One of the harder ones has a score of 0.2, below the default of 0.3."""
    images = REPOSITORY / 'docs/images'
    image, detect = cv2.imread(str(images / name)), find_detector('hourglass', score)
    for x1, y1, x2, y2 in np.array(json.loads((images / 'boxes.json').read_text())[name], int):
        person = image[y1:y2, x1:x2]
        best = detect(person)[0]
        assert overlaps(np.array([0, 0, x2 - x1, y2 - y1]), best[None])[0] > 0.6


def test_it_predicts_what_a_test_scores(trained, weights, tmp_path):
    """Of an image that is made smaller and filled up; rounding apart."""
    image = np.full((90, 150, 3), 40, np.uint8)
    image[20:70, 30:80] = 255, 230, 200
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    batch = PackBoxes()(FitImage(SIDE, 16)(dict(img_path=str(tmp_path / 'a.png'))))
    assert batch['inputs'].shape == (3, 48, 64)
    with torch.no_grad():               # the model was not told that files have the order BGR
        tested, = trained.test_step(dict(inputs=[batch['inputs'].flip(0)],
                                         data_samples=[batch['data_samples']]))
    detect = find_detector(f'hourglass:{weights}').detect
    assert np.allclose(detect(image), tested.found, rtol=1e-3, atol=1e-3)


def test_another_file_is_refused(tmp_path, weights):
    with pytest.raises(CheckpointError, match='flic-small.*: a network of keypoints, not a detect'):
        find_detector(f"hourglass:{weights_by_name()['flic-small']}")
    with pytest.raises(CheckpointError, match='none.pth'):
        find_detector('hourglass:none.pth')
    with pytest.raises(CheckpointError, match='not a readable checkpoint'):
        find_detector('hourglass:')             # as of a variable that is not set
    content = torch.load(weights.with_suffix('.pth'))
    del content['state_dict']['head.maps.0.bias']
    torch.save(content, tmp_path / 'part.pth')
    with pytest.raises(CheckpointError, match=r'part\.pth: no whole detector .*maps\.0\.bias'):
        find_detector(f'hourglass:{tmp_path / "part.pth"}')
    with pytest.raises(ConfigError, match='hourglass, score=2: a number from 0 to 1'):
        find_detector('hourglass', score=2)
