"""One box is found alike in every form of output, and images come to the network as it wants."""
import hashlib
import http.client
import io
import sys
import urllib.error
import zipfile

import numpy as np
import pytest
from onnx_files import write_constant, write_mean_boxes
from pairs import zip_equal

from hourglass.deploy.runtimes import onnx_session
from hourglass.errors import ConfigError
from hourglass.inference import onnx_detectors
from hourglass.inference.onnx_detectors import OnnxDetector

pytest.importorskip('onnxruntime')

BOX = np.array([10.0, 6, 34, 58])                   # px of the input, 64x64
MIDDLE, SIDES = (BOX[:2] + BOX[2:]) / 2, BOX[2:] - BOX[:2]
CELLS = np.concatenate([                            # x, y, stride of the grids over the input
    np.stack([*np.mgrid[:64 // s, :64 // s][::-1].reshape(2, -1), np.full((64 // s)**2, s)], 1)
    for s in (8, 16, 32, 64)])
AT = 69                                             # the cell that finds it, of stride 16
COUNT = 84                                          # cells of three grids


def rows(columns: int, count: int = COUNT, **values) -> np.ndarray:
    """Outputs (count, columns) of 0 apart from the values of the cell AT, by column."""
    table = np.zeros((count, columns))
    for column, value in values.items():
        table[AT, int(column[1:])] = value
    return table


def yolox_decoded() -> list:
    table = rows(7, c4=0.9, c5=0.8, c6=0.1)
    table[:, :2] = (CELLS[:COUNT, :2] + 0.5) * CELLS[:COUNT, 2:]
    table[AT, :4] = [*MIDDLE, *SIDES]
    return [table]


def yolox_raw() -> list:
    table = rows(7, c4=0.9, c5=0.8, c6=0.1)
    cell, stride = CELLS[AT, :2], CELLS[AT, 2]
    table[AT, :4] = [*(MIDDLE / stride - cell), *np.log(SIDES / stride)]
    return [table]


def yolov8() -> list:
    table = rows(6, c4=0.72, c5=0.9)
    table[AT, :4] = [*MIDDLE, *SIDES]
    return [table.T]


def picodet() -> list:
    cells, stride = CELLS[AT, :2], CELLS[AT, 2]
    point = (cells + 0.5) * stride
    distances = np.r_[point - BOX[:2], BOX[2:] - point] / stride
    logits = np.full((85, 4, 8), -100.0)            # all of the probability in two bins
    for side, distance in enumerate(distances):
        low = int(distance)
        logits[AT, side, low] = np.log(1 - distance + low + 1e-12)
        logits[AT, side, low + 1] = np.log(distance - low + 1e-12)
    bounds = [64, 80, 84]
    return [*np.split(rows(3, 85, c0=0.72), bounds), *np.split(logits.reshape(85, 32), bounds)]


def rtmdet() -> list:
    cells, stride = CELLS[:COUNT, :2], CELLS[:COUNT, 2:]
    point = (cells * stride)[AT]
    scores, distances = np.full((COUNT, 2), -20.0), np.zeros((COUNT, 4))
    scores[AT, 0] = np.log(0.72 / 0.28)
    distances[AT] = [*(point - BOX[:2]), *(BOX[2:] - point)]
    return [one.T.reshape(-1, side, side) for table in (scores, distances)
            for one, side in zip_equal(np.split(table, [64, 80]), (8, 4, 2))]


def suppressed() -> list:
    """Boxes after suppression, of a person and of a dog."""
    return [np.array([[*BOX, 0.72], [1, 2, 3, 4, 0.9]]), np.array([0, 16])]


def picodet_decoded() -> list:
    boxes = np.zeros((85, 4))
    boxes[AT] = BOX
    return [boxes, rows(3, 85, c0=0.72).T]


@pytest.mark.parametrize(('outputs', 'named', 'family'), [
    (yolox_decoded(), '', 'yolox'), (yolox_raw(), '', 'yolox'), (yolov8(), '', 'yolov8'),
    ([np.array([[*BOX, 0.72, 0], [1, 2, 3, 4, 0.9, 16]])], '', 'yolov8'),
    (picodet(), '', 'picodet'), (picodet_decoded(), '', 'picodet'), (rtmdet(), '', 'rtmdet'),
    (suppressed(), 'rtmdet', 'rtmdet'), (suppressed(), 'yolox', 'yolox')])
def test_every_form_gives_the_same_box(tmp_path, outputs, named, family):
    """An image of 256x128 px: half of the input is empty, unless it is stretched."""
    path = write_constant(tmp_path / 'a.onnx', [output[None] for output in outputs])
    detector = OnnxDetector(path, named)
    found = detector(np.zeros((128, 256, 3), np.uint8))
    best = found[np.argmax(found[:, 4])]
    zoom = [4, 2, 4, 2] if family == 'picodet' else 4
    assert best[:4] == pytest.approx(BOX * zoom, abs=1e-4)      # float32
    assert best[4] == pytest.approx(0.72, abs=1e-6)
    assert (np.sort(found[:, 4])[:-1] < 1e-6).all()             # no other class counts
    assert detector.family == onnx_detectors.FAMILIES[family]
    assert stops(detector.session) and stops(onnx_session(path))


def stops(session) -> bool:
    """Whether its threads stop when a run ends."""
    return session.get_session_options().get_session_config_entry(
        'session.force_spinning_stop') == '1'


def test_outputs_of_two_families_have_to_be_named_and_others_are_refused(tmp_path, monkeypatch):
    path = write_constant(tmp_path / 'a.onnx', [output[None] for output in suppressed()])
    with pytest.raises(ConfigError, match=r'a\.onnx: of which family\? .* onnx:FILE,rtmdet'):
        OnnxDetector(path)
    with pytest.raises(ConfigError, match="yolox, rtmdet, not of rtmdetr, did you mean 'rtmdet'"):
        OnnxDetector(path, 'rtmdetr')
    raw = write_constant(tmp_path / 'raw.onnx', [output[None] for output in yolox_raw()])
    with pytest.raises(ConfigError, match='may be of yolox, yolov8, not of rtmdet; name one'):
        OnnxDetector(raw, 'rtmdet')
    assert OnnxDetector(raw, 'yolov8').family == onnx_detectors.FAMILIES['yolov8']     # YOLOv5
    other = write_constant(tmp_path / 'b.onnx', [np.zeros((1, 5, 3))])
    with pytest.raises(ConfigError, match=r'outputs of shapes \(5, 3\) are of no known form'):
        OnnxDetector(other)
    (tmp_path / 'torn.onnx').write_bytes(path.read_bytes()[:50])
    with pytest.raises(ConfigError, match=r'torn\.onnx: not a readable ONNX file'):
        OnnxDetector(tmp_path / 'torn.onnx')
    with pytest.raises(ConfigError, match=r'gone\.onnx: no such file'):
        OnnxDetector(tmp_path / 'gone.onnx')
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ConfigError, match='needs onnxruntime; pip install onnxruntime'):
        OnnxDetector(path, 'yolox')


def test_an_input_of_any_size_is_640_px_and_paddles_other_inputs_are_given(tmp_path):
    path = write_constant(tmp_path / 'a.onnx', [np.array([[[*BOX, 0.72, 0]]])], ('w', 'h'),
                          more_inputs=dict(im_shape=[1, 2], scale_factor=[1, 2]))
    (found,) = OnnxDetector(path)(np.zeros((320, 640, 3), np.uint8))
    assert found[:4] == pytest.approx(BOX)


@pytest.mark.parametrize(('family', 'blue', 'beside'), [
    ('yolox', 200, 114), ('rtmdet', (200 - 103.53) / 57.375, (114 - 103.53) / 57.375),
    ('yolov8', 200 / 255, 114 / 255)])
def test_an_image_is_normalised_and_grey_beside_it(tmp_path, family, blue, beside):
    """A blue image in half of the input; the network gives the mean of each channel."""
    path = write_mean_boxes(tmp_path / 'a.onnx', (32, 32))
    image = np.zeros((64, 128, 3), np.uint8)
    image[..., 0] = 200
    (found,) = OnnxDetector(path, family)(image)
    channel = 2 if family == 'yolov8' else 0                    # blue is the last of RGB
    assert found[channel] / 4 == pytest.approx((blue + beside) / 2, rel=1e-5)


@pytest.mark.parametrize(('kind', 'tolerance'), [('FLOAT', 1e-5), ('FLOAT16', 1e-3)])
def test_a_stretched_image_fills_the_input(tmp_path, kind, tolerance):
    path = write_mean_boxes(tmp_path / 'a.onnx', (32, 32), kind)
    (found,) = OnnxDetector(path, 'picodet')(np.full((64, 128, 3), 200, np.uint8))
    expected = (200 - 123.675) / 58.395, (200 - 116.28) / 57.12
    assert found[:2] / [4, 2] == pytest.approx(expected, rel=tolerance)


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        archive.writestr('deploy.json', '{}')
        archive.writestr('folder/end2end.onnx', content)
    return file.getvalue()


def test_rtmlibs_file_is_fetched_once_and_checked(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.delenv('TORCH_HOME', raising=False)
    monkeypatch.setattr(onnx_detectors, '_RTMLIB_SHA256', hashlib.sha256(b'right').hexdigest())
    answers = [urllib.error.URLError('no route'), http.client.IncompleteRead(b'cut'),
               zipped(b'wrong'), b'no zip', zipped(b'right')]

    def urlopen(url, timeout):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer)
    monkeypatch.setattr(onnx_detectors, 'urlopen', urlopen)
    path = tmp_path / 'rtmlib/hub/checkpoints/yolox_m_8xb8-300e_humanart-c2c7a14a.onnx'
    for problem in (r'cannot be fetched \(.*no route', r'cannot be fetched \(IncompleteRead',
                    'not the file that was published',
                    r'cannot be fetched \(File is not a zip'):
        with pytest.raises(ConfigError, match=problem) as error:
            onnx_detectors.rtmlib_file()
        assert f'download {onnx_detectors._RTMLIB_URL} and put its end2end.onnx at {path}' in str(
            error.value)
        assert not path.exists()
    assert onnx_detectors.rtmlib_file() == path and path.read_bytes() == b'right'
    assert onnx_detectors.rtmlib_file() == path and not answers
    path.write_bytes(b'changed')
    with pytest.raises(ConfigError, match='not the file that was published'):
        onnx_detectors.rtmlib_file()
