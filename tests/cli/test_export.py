"""The export command's ONNX file, and the example that runs it without this package."""
import json
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from conftest import REPOSITORY
from mmpose.apis import inference_topdown
from tiny_network import write_tiny_network

from hourglass import __version__
from hourglass.apis import init_model, predict
from hourglass.cli import main
from hourglass.datasets.crop import crop_around, crop_image, crop_matrix, fitted
from hourglass.datasets.skeletons import MPII, keypoint_names
from hourglass.datasets.synthetic import render_person
from hourglass.deploy.formats import FORMATS
from hourglass.deploy.runtimes import EXPORTER, older_torch

onnxruntime = pytest.importorskip('onnxruntime')
pytestmark = pytest.mark.skipif(bool(older_torch(EXPORTER)), reason=older_torch(EXPORTER))

# runs the example where only the packages that it needs can be imported
ALONE = """
import runpy, sys
REFUSED = 'torch', 'mmengine', 'mmcv', 'mmpose', 'hourglass', 'PIL', 'onnx'
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in REFUSED:
            raise ImportError('must not be imported: ' + name)
sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.fixture(scope='module')
def exported(tmp_path_factory) -> SimpleNamespace:
    """A tiny network's first stage as an ONNX file with all options, and the printed lines."""
    folder = tmp_path_factory.mktemp('exported')
    config, checkpoint = write_tiny_network(folder)
    out, said = folder / 'tiny.onnx', StringIO()
    with redirect_stdout(said):
        main(['export', *map(str, (config, checkpoint, out)), '--decode', '--flip', '--stage', '0'])
    return SimpleNamespace(path=out, said=said.getvalue(), config=config, checkpoint=checkpoint)


@pytest.fixture(scope='module')
def session(exported):
    return onnxruntime.InferenceSession(exported.path, providers=['CPUExecutionProvider'])


def test_it_prints_how_the_file_compared(exported):
    written, checked, *rest = exported.said.splitlines()
    assert written.startswith(f'written: {exported.path} (')
    assert checked.startswith('checked on 3 images, in batches of 1 and 3: keypoints within ')
    assert not [line for line in rest if not line.startswith('not compared: ')]


def test_the_file_holds_what_a_program_needs(session):
    notes = session.get_modelmeta().custom_metadata_map
    assert json.loads(notes['input_size']) == [64, 64]
    assert json.loads(notes['keypoints']) == keypoint_names(MPII)
    assert [1, 0] in json.loads(notes['links'])                 # right knee and right ankle
    assert json.loads(notes['outputs']) == ['keypoints', 'scores']
    assert notes['version'] == f'hourglass {__version__}'
    assert notes['source'] == 'tiny.py, tiny.pth'
    assert session.get_inputs()[0].name == 'pixels'
    assert session.get_inputs()[0].shape == ['batch', 3, 64, 64]
    assert [output.shape for output in session.get_outputs()] == [['batch', 16, 2], ['batch', 16]]


def test_a_batch_gives_what_its_images_give_alone(session):
    pixels = 255 * np.random.default_rng(0).random((5, 3, 64, 64), np.float32)
    together = session.run(None, {'pixels': pixels})
    for index in range(5):
        alone = session.run(None, {'pixels': pixels[index:index + 1]})
        assert np.abs(alone[0][0] - together[0][index]).max() < 0.01


@pytest.fixture(scope='module')
def image(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('image') / 'person.png'    # all readers decode it alike
    cv2.imwrite(str(path), render_person(3, (150, 110))[0])
    return path


def run_alone(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, '-c', ALONE, str(REPOSITORY / 'docs/examples/run_onnx.py'),
         *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize('box', [None, (31.5, 12, 92, 101.25), (-20, -10, 60, 30)])
def test_the_example_alone_is_mmposes_estimator(exported, image, box, tmp_path):
    drawn = tmp_path / 'drawn.png'
    done = run_alone(exported.path, image, *(['--box', *box] if box else ['--whole-image']),
                     '--out', drawn)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, *_ in lines] == keypoint_names(MPII)
    found = np.array([numbers for _, *numbers in lines], float)             # (K, 3)
    estimator = init_model(exported.config, exported.checkpoint, 'cpu').estimator()
    estimator.head.predict_stage = 0
    estimator.cfg.test_dataloader.dataset.pipeline[1:3] = [
        dict(type='hourglass.BoxToCrop'), dict(type='hourglass.CropImage', input_size=(64, 64))]
    expected = inference_topdown(estimator, str(image), box and [np.array(box)])[0].pred_instances
    assert np.abs(found[:, :2] - expected.keypoints[0]).max() < 0.01
    assert np.abs(found[:, 2] - expected.keypoint_scores[0]).max() < 1e-3   # three decimals
    before, after = (cv2.imread(str(path)) for path in (image, drawn))
    assert before.shape == after.shape
    assert (before != after).any()


@pytest.mark.parametrize(('name', 'options'), [
    ('tiny.param', []), *(pytest.param(name, options, marks=pytest.mark.slow) for name, options in (
        ('tiny.xml', ['--decode']), ('tiny.xml', []), ('tiny.onnx', []),
        ('half.onnx', ['--decode', '--half']), ('half.param', ['--half'])))])
def test_the_example_runs_every_format(exported, image, name, options, tmp_path, cli):
    if words := FORMATS[Path(name).suffix].missing(int8=False):
        pytest.skip(words)
    cli('export', exported.config, exported.checkpoint, tmp_path / name, *options)
    done = run_alone(tmp_path / name, image, '--box', 31.5, 12, 92, 101.25)
    assert done.returncode == 0, done.stderr
    found = np.array([line.split()[1:] for line in done.stdout.splitlines()], float)     # (K, 3)
    poses = predict(init_model(exported.config, exported.checkpoint, 'cpu'), str(image),
                    [[31.5, 12, 92, 101.25]], flip=False)
    offsets = np.abs(found[:, :2] - poses.keypoints[0]).max(-1)
    assert offsets.max() < 0.01 if 'half' not in name else np.median(offsets) < 0.1
    assert np.abs(found[:, 2] - poses.scores[0]).max() < (1e-3 if 'half' not in name else 5e-3)


@pytest.mark.parametrize('size', [(64, 64), (48, 64)])
@pytest.mark.parametrize('box', [
    (300, 200, 330, 260), (-40, 350, 90, 500), (250, 60, 390, 200), (200, 40, 600, 430),
    (-300, -200, 700, 900), (0, 0, 640, 460)], ids=str)
def test_the_examples_crop_is_that_of_the_package(box, size):
    example = runpy.run_path(str(REPOSITORY / 'docs/examples/run_onnx.py'))
    image = np.random.default_rng(0).integers(0, 256, (460, 640, 3), np.uint8)   # only textures
    center, side = crop_around(np.array(box), (640, 460))
    sides = fitted(np.array([side, side]), size)
    expected = crop_image(image, crop_matrix(center, sides, 0, size), size)
    found, found_center, extent = example['crop'](image, box, size)
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert found_center == pytest.approx(center) and extent == pytest.approx(sides)


def test_the_example_refuses_in_one_line(exported, tmp_path):
    done = run_alone(exported.path, tmp_path / 'none.png', '--whole-image')
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith('none.png: not a readable image')
