"""One keypoint is found alike in every form of output, and files get the pixels that they take."""
import numpy as np
import pytest
import torch
from onnx_files import write_constant, write_means

from hourglass.deploy.onnx_poses import load_onnx_poses
from hourglass.errors import ConfigError

pytest.importorskip('onnxruntime')

SIZE = 48, 64                                       # (w, h) of the input, px
NAMES = 'nose', 'left_wrist'
CELLS = np.array([[5, 9], [10, 2]])                 # x, y of each keypoint, cells of 4 px
SCORES = np.array([0.5, 0.75])


def heatmaps() -> list[np.ndarray]:
    maps = np.zeros((1, 2, 16, 12))
    maps[0, [0, 1], CELLS[:, 1], CELLS[:, 0]] = SCORES
    return [maps]


def bins() -> list[np.ndarray]:
    """Two of each px, at the middle of the cells; the higher peak of the two does not count."""
    x, y = np.zeros((1, 2, 96)), np.zeros((1, 2, 128))
    x[0, [0, 1], 8 * CELLS[:, 0] + 3] = SCORES * [1, 2]
    y[0, [0, 1], 8 * CELLS[:, 1] + 3] = SCORES * [2, 1]
    return [x, y]


def fractions(*leading: int) -> list[np.ndarray]:
    """y first, from the corner of the image."""
    x, y = ((4 * CELLS + 2) / SIZE).T
    return [np.stack([y, x, SCORES], -1).reshape(*leading, 2, 3)]


@pytest.mark.parametrize('outputs', [heatmaps(), bins(), fractions(1), fractions(1, 1)],
                         ids=['heatmaps', 'bins', 'fractions', 'fractions of a person'])
def test_every_form_gives_the_same_keypoints(tmp_path, outputs):
    model = load_onnx_poses(write_constant(tmp_path / 'a.onnx', outputs, SIZE), NAMES)
    assert model.input_size == SIZE and not model.flip
    keypoints, scores = model(torch.zeros(3, 3, 64, 48, dtype=torch.uint8))
    expected = np.tile(4 * CELLS + 1.5, (3, 1, 1))          # the middle of a cell of 4 px
    assert np.allclose(keypoints.numpy(), expected, atol=1e-4)
    assert np.allclose(scores.numpy(), np.tile(SCORES, (3, 1)))


def test_a_keypoint_lies_a_quarter_of_a_cell_towards_the_higher_neighbour(tmp_path):
    maps, = heatmaps()
    maps[0, [0, 1], CELLS[:, 1], CELLS[:, 0] - 1] = 0.1
    model = load_onnx_poses(write_constant(tmp_path / 'a.onnx', [maps], SIZE), NAMES)
    found = model(torch.zeros(1, 3, 64, 48, dtype=torch.uint8))[0][0].numpy()
    assert np.allclose(found, 4 * CELLS + [0.5, 1.5], atol=1e-4)


@pytest.mark.parametrize(('names', 'outputs'), [
    (NAMES, [np.zeros((1, 7))]), (NAMES, [np.zeros(1)]), (NAMES, bins()[::-1]),
    ((*NAMES, 'neck'), heatmaps()), ((), heatmaps())],
    ids=['no form', 'one axis', 'y before x', 'three keypoints', 'no names'])
def test_an_output_of_another_form_is_run_and_not_decoded(tmp_path, names, outputs):
    model = load_onnx_poses(write_constant(tmp_path / 'a.onnx', outputs, SIZE), names)
    assert model.decode is None
    assert np.allclose(model(torch.zeros(1, 3, 64, 48)).numpy(), outputs[0])


@pytest.mark.parametrize(('last', 'kind'), [(False, 'FLOAT'), (True, 'FLOAT'), (True, 'INT32'),
                                            (False, 'UINT8'), (False, 'FLOAT16')])
def test_a_file_gets_the_pixels_that_it_takes(tmp_path, last, kind):
    """Blue, green, red of 10, 20, 30; the file returns the means of the channels."""
    path = write_means(tmp_path / 'a.onnx', SIZE, last, kind)
    pixels = torch.tensor([10, 20, 30], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 64, 48)
    assert load_onnx_poses(path)(pixels).tolist() == [[30, 20, 10]]
    model = load_onnx_poses(path, rgb=False, mean=(1, 2, 3), std=(1, 2, 3))
    assert model(pixels).tolist() == [[9, 9, 9]]


@pytest.mark.parametrize(('size', 'more', 'words'), [
    (('w', 'h'), {}, 'export it for one image of a fixed size'),
    (SIZE, dict(boxes=[1, 4]), r'takes \[\[1, 3, 64, 48\], \[1, 4\]\]; export it')])
def test_a_file_that_takes_something_else_is_refused(tmp_path, size, more, words):
    path = write_constant(tmp_path / 'a.onnx', heatmaps(), size, more)
    with pytest.raises(ConfigError, match=words):
        load_onnx_poses(path, NAMES)


def test_a_missing_or_broken_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='a.onnx: no such file'):
        load_onnx_poses(tmp_path / 'a.onnx')
    (tmp_path / 'a.onnx').write_bytes(b'nothing')
    with pytest.raises(ConfigError, match='a.onnx: not a readable ONNX file'):
        load_onnx_poses(tmp_path / 'a.onnx')
