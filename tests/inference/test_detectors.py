"""Detectors by name; what they return is cleaned, suppressed and limited, or refused in a line."""
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from conftest import DATA, needs
from onnx_files import write_constant

from hourglass.errors import ConfigError, DataError
from hourglass.inference.detectors import PersonDetector, find_detector

pytest.importorskip('onnxruntime')

IMAGE = np.zeros((96, 128, 3), np.uint8)


def found(rows, score=0.4, overlap=0.5, max_people=None) -> list:
    return PersonDetector(lambda image: rows, score, overlap, max_people)(IMAGE, 'a.jpg').tolist()


def test_boxes_are_sorted_suppressed_and_limited():
    """Two boxes that share 60 of 100 + 80 - 60 px^2 overlap by half."""
    first, second, third = [0, 0, 10, 10, 0.8], [4, 0, 12, 10, 0.9], [50, 50, 60, 60, 0.5]
    rows = [first, third, [70, 70, 80, 80, 0.39], second]
    assert found(rows, overlap=0.501) == [second, first, third]
    assert found(rows, overlap=0.499) == [second, third]
    assert found(rows, overlap=0.501, max_people=2) == [second, first]
    assert found(rows, score=0.85) == [second]
    assert found([row[:4] for row in rows[:2]]) == [[*first[:4], 1], [*third[:4], 1]]
    assert found([]) == found(np.zeros((0, 4))) == []


def test_a_box_is_cut_at_the_images_border_and_a_bad_one_left_out_with_a_line(caplog):
    good = [[-20, 10, 300, 96.5, 0.9], [1, 2, 30, 40, 0.6]]
    bad = [[np.nan, 1, 2, 3, 0.9], [5, 5, 5, 9, 0.9], [200, 5, 300, 9, 0.9], [1, 2, 3, 4, np.nan]]
    assert found([*bad, *good]) == [[0, 10, 128, 96, 0.9], good[1]]
    assert caplog.records[1].getMessage() == (
        "a.jpg: the detector's box [5.0, 5.0, 5.0, 9.0] is left out: a NaN, or no area in "
        "the image")
    assert len(caplog.records) == len(bad)


@pytest.mark.parametrize(('rows', 'shape'), [
    (None, r'NoneType of shape \(\)'), ([[1, 2, 3]], r'list of shape \(1, 3\)'),
    ([1, 2, 3, 4], r'list of shape \(4,\)')])
def test_what_is_no_table_of_boxes_costs_the_image(rows, shape):
    with pytest.raises(DataError, match=f'a.jpg: the detector returned {shape}, boxes'):
        found(rows)


@pytest.mark.parametrize('rows', ['here', [[1, 2], [3]], {1: 2}])
def test_a_detector_that_fails_costs_the_image(rows):
    with pytest.raises(DataError, match=r'a.jpg: the detector failed \((Value|Type)Error: '):
        found(rows)


def test_a_function_in_reach_is_a_detector(tmp_path, monkeypatch):
    (tmp_path / 'finder.py').write_text(
        'value = 3\ndef find(image):\n    return [[0, 0, *image.shape[1::-1]]]\n'
        'def fail(image):\n    raise RuntimeError("out of\\n memory")\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend('')
    assert find_detector('finder:find')(IMAGE).tolist() == [[0, 0, 128, 96, 1]]
    cv2.imwrite('a.png', IMAGE[:50])
    assert find_detector('finder:find')('a.png').tolist() == [[0, 0, 128, 50, 1]]
    with pytest.raises(DataError, match=r'^b: the detector failed \(RuntimeError: out of memory\)'):
        find_detector('finder:fail')(IMAGE, 'b')
    for name in ('finder:gone', 'nowhere:find', 'finder:value', 'mmdet:gone.py,gone.pth'):
        with pytest.raises(ConfigError, match=f'^detector {name}: cannot be loaded') as error:
            find_detector(name)
        assert '\n' not in str(error.value)
    with pytest.raises(ConfigError, match="detector hogg: there is none .* did you mean 'hog'.* "
                       'hourglass:FILE, onnx:FILE, onnx:FILE,FAMILY, '):
        find_detector('hogg')
    with pytest.raises(ConfigError, match='max_people=0: give 1 or more'):
        find_detector('finder:find', max_people=0)
    assert find_detector('finder:find', score=2)(IMAGE).tolist() == []      # of any scale
    assert find_detector('finder:find').score == 0.5
    for options in (dict(score=2), dict(score=-1), dict(score=np.nan), dict(overlap=1.1)):
        for name in ('torchvision', 'hourglass:a.pth'):
            with pytest.raises(ConfigError, match=f'^detector {name}, .*: a number from 0 to 1 '):
                find_detector(name, **options)


@pytest.mark.parametrize(('name', 'package', 'install'), [
    ('torchvision', 'torchvision', 'pip install torchvision'),
    ('mmdet:a.py,b.pth', 'mmdet', 'pip install --no-deps mmdet==')])
def test_a_missing_package_is_named_with_its_installation(monkeypatch, name, package, install):
    monkeypatch.delitem(sys.modules, f'{package}.models', raising=False)
    monkeypatch.delitem(sys.modules, f'{package}.apis', raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f'{package}.*; {install}'):
        find_detector(name)


def test_an_onnx_file_may_have_commas_in_its_name_and_a_family_after_it(tmp_path):
    boxes = [np.array([[[8.0, 8, 32, 64, 0.9]]]), np.zeros((1, 1))]
    path = write_constant(tmp_path / 'a,b.onnx', boxes)
    assert find_detector(f'onnx:{path},rtmdet')(IMAGE).tolist() == [
        [16, 16, 64, 96, pytest.approx(0.9)]]
    with pytest.raises(ConfigError, match='of which family'):
        find_detector(f'onnx:{path}')


def test_hog_takes_images_smaller_than_its_window():
    """OpenCV crashes on images lower than its window, unless they are enlarged."""
    for size in ((1, 1), (127, 300), (300, 20)):
        assert find_detector('hog')(np.full((*size, 3), 90, np.uint8)).shape == (0, 5)


@pytest.mark.skipif(not hasattr(cv2, 'HOGDescriptor'), reason='OpenCV 5 has none')
def test_opencv_5_is_named_where_it_has_no_hog(monkeypatch):
    monkeypatch.delattr(cv2, 'HOGDescriptor')
    with pytest.raises(ConfigError, match='detector hog: OpenCV .* has none, OpenCV 4 has'):
        find_detector('hog')


def test_torchvisions_people_alone_are_taken(monkeypatch):
    """With a stand-in for the network, whose weights and operators need not be here."""
    seen = []

    class Network(torch.nn.Module):
        def forward(self, images):
            seen.extend(images)
            return [dict(boxes=torch.tensor([[1.0, 2, 30, 40], [5, 6, 70, 80]]),
                         scores=torch.tensor([0.75, 0.875]), labels=torch.tensor([1, 18]))]
    detection = pytest.importorskip('torchvision.models.detection')
    monkeypatch.setattr(detection, 'fasterrcnn_mobilenet_v3_large_fpn', lambda weights: Network())
    image = IMAGE + np.array([0, 0, 255], np.uint8)
    assert find_detector('torchvision')(image).tolist() == [[1, 2, 30, 40, 0.75]]
    assert seen[0].shape == (3, 96, 128) and seen[0].mean((1, 2)).tolist() == [1, 0, 0]     # RGB


def test_without_network_torchvisions_weights_are_named(monkeypatch, tmp_path):
    pytest.importorskip('torchvision')
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path))

    def no_network(*_, **__):
        raise OSError('no route')
    monkeypatch.setattr(torch.hub, 'download_url_to_file', no_network)
    with pytest.raises(ConfigError, match=r'torchvision: .*no route.*; download https://.*\.pth '
                       f'into {tmp_path}/checkpoints'):
        find_detector('torchvision')


def test_mmdets_people_alone_are_taken(monkeypatch):
    """With a stand-in for mmdet, whose operators need not be here."""
    given = []

    class Instances(SimpleNamespace):
        def cpu(self):
            return self
        numpy = cpu
    apis = SimpleNamespace(
        init_detector=lambda *files, device: given.append(files) or SimpleNamespace(
            dataset_meta=dict(classes=('dog', 'person'))),
        inference_detector=lambda model, image: SimpleNamespace(pred_instances=Instances(
            bboxes=np.array([[1, 2, 30, 40], [5, 6, 70, 80]]), scores=np.array([0.75, 0.875]),
            labels=np.array([1, 0]))))
    monkeypatch.setitem(sys.modules, 'mmdet.apis', apis)
    assert find_detector('mmdet:a.py,b.pth')(IMAGE).tolist() == [[1, 2, 30, 40, 0.75]]
    assert given == [('a.py', 'b.pth')]


@pytest.mark.data
@needs(DATA / 'detectors')
@pytest.mark.parametrize('file', ['yolox_nano.onnx', 'picodet_s_416.onnx'])
def test_real_detectors_find_the_five_people_of_mpiis_photographs(file):
    """Each of the people has a box that contains 90 % of their annotated keypoints."""
    import json
    detect = find_detector(f'onnx:{DATA / "detectors" / file}')
    people = json.loads((DATA / 'mpii/five_people.json').read_text())
    for person in people:
        joints = np.array(person['joints'])[np.array(person['joints_vis']) > 0] - 0.5
        boxes = detect(DATA / 'mpii/images' / person['image'])
        inside = (joints >= boxes[:, None, :2]) & (joints <= boxes[:, None, 2:4])
        assert inside.all(-1).mean(-1).max() >= 0.9, person['image']


def test_a_detector_runs_on_the_device_it_is_given():
    with pytest.raises(ConfigError, match="device 'gpu': .*torch knows no such device"):
        find_detector('hourglass', device='gpu')
    assert find_detector('hourglass', device='cpu').detect.device == torch.device('cpu')
