"""Exported networks compute what mmpose's estimator does, and only such files are left."""
from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import DATA, REPOSITORY, needs
from mmpose.apis import inference_topdown
from tiny_network import write_tiny_network

from hourglass.apis import init_model
from hourglass.checkpoints import read_checkpoint
from hourglass.checkpoints.description import Description
from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.datasets.synthetic import render_person
from hourglass.deploy import export as exporting
from hourglass.deploy import runtimes
from hourglass.deploy.export import FLOAT16, FLOAT32, Exported, compare, deployed, export
from hourglass.deploy.runtimes import EXPORTER, older_torch
from hourglass.errors import ConfigError, ExportError, HourglassError
from hourglass.inference.network import PoseNetwork

pytestmark = pytest.mark.skipif(bool(older_torch(EXPORTER)), reason=older_torch(EXPORTER))


@pytest.fixture(scope='module')
def tiny(tmp_path_factory) -> SimpleNamespace:
    config, checkpoint = write_tiny_network(tmp_path_factory.mktemp('tiny'))
    model = init_model(config, checkpoint, 'cpu')
    return SimpleNamespace(config=config, checkpoint=checkpoint, model=model,
                           estimator=model.estimator())


def by_mmpose(estimator, crop: np.ndarray, stage: int, flip: bool) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (K, 2) in input px and scores (K,) of a crop that is the input already."""
    estimator.test_cfg['flip_test'], estimator.head.predict_stage = flip, stage
    half = np.array([crop.shape[1], crop.shape[0]]) / 2 / 1.25      # GetBBoxCenterScale's padding
    box = np.concatenate([1.25 * half - half, 1.25 * half + half])
    found = inference_topdown(estimator, crop, [box])[0].pred_instances
    return found.keypoints[0], found.keypoint_scores[0]


@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize('stage', [0, 1])
def test_the_module_is_mmposes_estimator(tiny, stage, flip, monkeypatch):
    data = tiny.estimator.cfg.test_dataloader.dataset
    monkeypatch.setitem(data, 'pipeline', data.pipeline[-3:])       # the image is loaded already
    crop, _ = render_person(5, (64, 64))
    keypoints, scores = by_mmpose(tiny.estimator, crop, stage, flip)
    module = deployed(tiny.model, stage, flip, decode=True)
    with torch.no_grad():
        found, found_scores = module(torch.from_numpy(crop).permute(2, 0, 1)[None])
    assert np.abs(found[0].numpy() - keypoints).max() < 1e-3        # float32 against float64
    assert found_scores[0].numpy() == pytest.approx(scores, abs=1e-5)


@pytest.mark.parametrize('suffix', ['.safetensors', pytest.param('.onnx', marks=pytest.mark.slow)])
def test_depthwise_residuals_are_exported(tmp_path, suffix):
    config, checkpoint = write_tiny_network(tmp_path, residual='depthwise')
    done = export(config, checkpoint, tmp_path / f'out{suffix}')
    assert done.deviation <= 1e-5


@pytest.mark.slow                   # torch.export takes a quarter of a minute to get going
def test_a_pt2_file_runs_in_torch_alone_and_ends_with_the_stage(tiny, tmp_path):
    out = tmp_path / 'new' / 'stage0.pt2'
    done = export(tiny.config, tiny.checkpoint, out, stage=0)
    assert (done.path, done.images, done.decodes) == (out, 3, False)
    assert done.keypoints == 2 * 3 * 16                 # three images by one, and by three
    assert done.deviation <= 1e-6                       # the same kernels
    notes = {'hourglass.json': ''}
    program = torch.export.load(out, extra_files=notes)
    assert json.loads(notes['hourglass.json'])['source'] == 'tiny.py, tiny.pth'
    assert not [name for name in program.state_dict if 'reinjects' in name or 'ses.1.' in name]
    pixels = 255 * torch.rand(5, 3, 64, 64)
    expected = deployed(tiny.model, stage=0)(pixels)
    assert torch.allclose(program.module()(pixels), expected, atol=1e-5)
    assert [path.name for path in out.parent.iterdir()] == ['stage0.pt2']


def test_weights_are_those_of_the_checkpoint(tiny, tmp_path):
    done = export(tiny.config, tiny.checkpoint, tmp_path / 'tiny.safetensors')
    assert done.deviation == 0
    ours = tiny.estimator.state_dict()
    theirs = read_checkpoint(tmp_path / 'tiny.safetensors')['state_dict']
    assert set(theirs) == set(ours)
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def test_weights_that_describe_themselves_are_written_without_openmmlab(tmp_path, monkeypatch):
    monkeypatch.setattr('hourglass.inference.model.find_spec', lambda _: None)
    assert export('lsp-small', 'lsp-small', tmp_path / 'a.safetensors').deviation == 0


def test_a_file_that_fails_its_check_leaves_the_older_one(tiny, tmp_path, monkeypatch):
    def write_others(source: Path, out: Path) -> None:
        content = read_checkpoint(source)['state_dict']
        content['backbone.heatmaps.1.bias'] += 0.01
        torch.save({'state_dict': content}, source.with_name('others.pth'))
        convert(source.with_name('others.pth'), out)
    convert = exporting.convert_checkpoint
    monkeypatch.setattr(exporting, 'convert_checkpoint', write_others)
    out = tmp_path / 'weights.safetensors'
    out.write_bytes(b'good')
    with pytest.raises(ExportError, match=r'weights\.safetensors: heatmaps deviate .* of the lar'):
        export(tiny.config, tiny.checkpoint, out)
    assert out.read_bytes() == b'good'
    assert list(tmp_path.iterdir()) == [out]


class Fixed(torch.nn.Module):
    """A network that returns the same heatmaps for every image."""

    def __init__(self, heatmaps: torch.Tensor):
        super().__init__()
        self.answer = heatmaps

    def forward(self, images):
        return (self.answer.expand(len(images), -1, -1, -1),)


def two_peaks(difference: float) -> PoseNetwork:
    heatmaps = torch.zeros(1, 2, 16, 16)
    heatmaps[0, :, 4, 4] = 1
    heatmaps[0, 1, 11, 11] = 1 - difference
    about = Description(keypoints=['a', 'b'], links=[], flip_indices=[0, 1], input_size=(64, 64),
                        mean=[0] * 3, std=[1] * 3, flip=False)
    return PoseNetwork(Fixed(heatmaps), about, decode=DecodeHeatmaps((4, 4), 'parabola'))


def moved(module: PoseNetwork, keypoint: int, px: float):
    def run(pixels):
        keypoints, scores = module(pixels)
        keypoints = keypoints.clone()
        keypoints[:, keypoint] += px
        return keypoints, scores
    return run


def compared(run, module: PoseNetwork, pixels: torch.Tensor, tolerance=FLOAT32) -> Exported:
    return compare(run, module, pixels, len(pixels), Path('a'), tolerance, module.decode)


def test_a_keypoint_elsewhere_is_refused_but_for_equal_peaks():
    pixels = torch.zeros(3, 3, 64, 64)
    equal, unequal = two_peaks(1e-7), two_peaks(1e-3)
    done = compared(moved(equal, 0, 0.005), equal, pixels)
    assert done.deviation == pytest.approx(0.005, abs=1e-5)
    assert done.offsets.numpy() == pytest.approx(np.array(3 * [[0.005, 0]]), abs=1e-5)
    done = compared(moved(equal, 1, 28), equal, pixels)
    assert (done.unsettled, done.keypoints, done.deviation) == (6, 12, 0)
    for module, keypoint in ((equal, 0), (unequal, 1)):
        with pytest.raises(ExportError, match='a: keypoints lie up to 28 px from those of torch'):
            compared(moved(module, keypoint, 28), module, pixels)
    assert compared(moved(unequal, 1, 28), unequal, pixels, FLOAT16).unsettled == 6


def test_other_scores_and_nan_are_refused():
    pixels, module = torch.zeros(3, 3, 64, 64), two_peaks(0.5)

    def run(factor: float):
        return lambda pixels: (module(pixels)[0], module(pixels)[1] * factor)
    assert compared(run(1 + 0.9e-4), module, pixels).deviation == 0
    for factor in (1 + 1.1e-4, float('nan')):
        with pytest.raises(ExportError, match='a: scores deviate'):
            compared(run(factor), module, pixels)


@pytest.mark.parametrize(('out', 'options', 'message'), [
    ('a.tflite', {}, r'a\.tflite: name a \.onnx, \.xml, .* or \.safetensors file'),
    ('tiny.pth', {}, r'tiny\.pth: name a '),
    ('a.safetensors', dict(flip=True), r'--flip is not for .*\(\.onnx, \.xml, \.pt2\)'),
    ('a.safetensors', dict(stage=0), r'--stage is not for \.safetensors files'),
    ('a.param', dict(decode=True), r'--decode is not for \.param files'),
    ('a.pt2', dict(opset=18), r'a\.pt2: --opset is not for \.pt2 .* name another \(\.onnx\)'),
    ('a.pt2', dict(int8=True), r'--int8 is not for \.pt2 .*\(\.onnx, \.xml\)'),
    ('a.onnx', dict(int8=True, half=True), 'a.onnx: give one of --half and --int8'),
    ('a.onnx', dict(int8=True), 'a.onnx: --int8 and --images go together'),
    ('a.onnx', dict(images='folder'), 'a.onnx: --int8 and --images go together'),
    pytest.param('a.onnx', dict(int8=True, images='none'), 'none: no image',
                 marks=pytest.mark.skipif(not find_spec('onnxruntime'), reason='onnxruntime')),
    ('a.pt2', dict(stage=2), 'no stage of index 2: the network has 2'),
    ('a.pt2', dict(check=['none.jpg']), r'none\.jpg: no such image'),
    ('a.pt2', dict(config='none.py'), r'none\.py: no such config file'),
    ('a.pt2', dict(checkpoint='none.pth'), r'none\.pth: no such checkpoint'),
])
def test_arguments_that_contradict_each_other_are_refused(tiny, tmp_path, out, options, message):
    arguments = dict(config=tiny.config, checkpoint=tiny.checkpoint) | options
    with pytest.raises(HourglassError, match=message) as caught:
        export(out=tmp_path / out, **arguments)
    assert '\n' not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('suffix', ['.xml', '.param'])
def test_weights_beside_another_file_are_not_replaced(tiny, tmp_path, suffix):
    other = {'.xml': '.param', '.param': '.xml'}[suffix]
    (tmp_path / f'a{other}').touch()
    with pytest.raises(ConfigError, match=r'a\.bin belongs to a file of another format'):
        export(tiny.config, tiny.checkpoint, tmp_path / f'a{suffix}')


@pytest.mark.parametrize(('out', 'other'), [('a.param', 'a.json'), ('a.param', 'a.bin'),
                                            ('a.xml', 'a.bin')])
def test_files_that_are_no_part_of_an_older_export_are_not_replaced(tiny, tmp_path, out, other):
    (tmp_path / other).write_text('mine')
    with pytest.raises(ConfigError, match=f'would replace {other}, which is no part of it'):
        export(tiny.config, tiny.checkpoint, tmp_path / out)
    assert (tmp_path / other).read_text() == 'mine'


def test_the_source_is_not_replaced(tiny, tmp_path):
    weights = tmp_path / 'tiny.safetensors'
    export(tiny.config, tiny.checkpoint, weights)
    with pytest.raises(ConfigError, match='would replace the checkpoint it is made of'):
        export(tiny.config, weights, weights)


def test_a_checkpoint_of_another_network_is_refused(tiny):
    with pytest.raises(HourglassError, match='a checkpoint of another network: .* do not fit'):
        export(REPOSITORY / 'configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py',
               tiny.checkpoint, 'a.pt2')


def test_what_onnx_needs_is_named(tiny, monkeypatch):
    monkeypatch.setattr(runtimes, 'find_spec', lambda name: None if name == 'onnx' else name)
    with pytest.raises(ConfigError, match=r'^a\.onnx: needs onnx, which is not installed: pip'):
        export(tiny.config, tiny.checkpoint, 'a.onnx')


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic')
@pytest.mark.parametrize(('name', 'options'), [
    ('flic.onnx', dict(decode=True, flip=True)), ('flic.onnx', dict(stage=0, opset=18)),
    ('flic.pt2', dict(decode=True, flip=True))])
def test_shipped_weights_on_real_images(tmp_path, monkeypatch, name, options):
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    images = sorted((DATA / 'flic/images').iterdir())[::500]
    config = REPOSITORY / 'configs/flic/td-hm_hourglass2-small_flic-128x128.py'
    weights = REPOSITORY / 'projects/hourglass/weights/flic-small.safetensors'
    done = export(config, weights, tmp_path / name, check=images, **options)
    assert done.images == len(images) >= 9
    assert done.deviation <= (0.01 if done.decodes else 1e-4)
    assert done.unsettled <= 0.01 * done.keypoints


def test_left_and_up_is_as_far():
    unequal = two_peaks(1e-3)
    with pytest.raises(ExportError, match='up to 28 px'):
        compared(moved(unequal, 1, -28), unequal, torch.zeros(3, 3, 64, 64))


@pytest.mark.parametrize(('options', 'tolerance'), [({}, FLOAT32), (dict(half=True), FLOAT16)])
def test_a_file_is_compared_within_the_tolerance_of_its_format(
        tiny, tmp_path, monkeypatch, options, tolerance):
    """The writer leaves an empty file, and the network itself stands in for it."""
    used, modules, pt2 = [], [], exporting.FORMATS['.pt2']
    monkeypatch.setattr(exporting, 'compare', lambda *args: (
        used.append(args[5]), compare(*args))[1])
    monkeypatch.setattr(pt2, 'write', lambda job: (modules.append(job.module), job.path.touch()))
    monkeypatch.setattr(pt2, 'run', lambda path: modules[0])
    export(tiny.config, tiny.checkpoint, tmp_path / 'a.pt2', **options)
    assert used == [tolerance]
