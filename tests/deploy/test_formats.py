"""Files of every format give the keypoints of the network, in float16 and 8 bits nearly so."""
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from conftest import DATA, needs
from tiny_network import write_tiny_network

from hourglass.apis import init_model
from hourglass.datasets.synthetic import render_person
from hourglass.deploy.export import deployed, export
from hourglass.deploy.formats import FORMATS, _normalization


@pytest.fixture(scope='module')
def tiny(tmp_path_factory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp('tiny')
    config, checkpoint = write_tiny_network(folder)
    return SimpleNamespace(config=config, checkpoint=checkpoint, folder=folder,
                           model=init_model(config, checkpoint, 'cpu'))


def skip_without(suffix: str, int8: bool = False) -> None:
    if words := FORMATS[suffix].missing(int8):
        pytest.skip(f'{suffix} {words}')


@pytest.fixture(scope='module')
def people(tmp_path_factory) -> Path:
    """A folder with images of 12 people."""
    folder = tmp_path_factory.mktemp('people')
    for seed in range(12):
        cv2.imwrite(str(folder / f'{seed}.png'), render_person(seed, (64, 64))[0])
    return folder


@pytest.mark.parametrize('rgb', [False, True])
@torch.no_grad()
def test_the_normalization_is_a_convolution(tiny, rgb, monkeypatch):
    monkeypatch.setattr(tiny.model, 'description', replace(tiny.model.description, rgb=rgb))
    pixels = 255 * torch.rand(2, 3, 4, 5)
    images = pixels.flip(1) if rgb else pixels
    expected = (images - tiny.model.mean) / tiny.model.std
    assert torch.allclose(_normalization(tiny.model)(pixels), expected, atol=1e-5)


def test_an_ncnn_file_has_its_weights_and_notes_beside_it(tiny, tmp_path):
    skip_without('.param')
    out = tmp_path / 'tiny.param'
    done = export(tiny.config, tiny.checkpoint, out, stage=0)
    assert done.deviation < 1e-5 and not done.decodes
    notes = json.loads(out.with_suffix('.json').read_text())
    assert json.loads(notes['outputs']) == ['stage0'] and notes['refine'] == 'parabola'
    assert sorted(file.name for file in tmp_path.iterdir()) == ['tiny.bin', 'tiny.json',
                                                                'tiny.param']
    assert done.size == sum(file.stat().st_size for file in tmp_path.iterdir())
    pixels = 255 * torch.rand(2, 3, 64, 64)
    expected = deployed(tiny.model, stage=0)(pixels)
    assert torch.allclose(FORMATS['.param'].run(out)(pixels), expected, atol=1e-5)


def test_ncnn_weights_in_float16_take_half_the_space(tiny, tmp_path):
    skip_without('.param')
    sizes = []
    for half in (False, True):
        done = export(tiny.config, tiny.checkpoint, tmp_path / 'tiny.param', half=half)
        sizes.append((tmp_path / 'tiny.bin').stat().st_size)
    assert sizes[1] < 0.65 * sizes[0]                   # biases and statistics stay in float32
    assert 1e-6 < done.deviation < 2e-3                 # 2**-11 in each layer


@pytest.mark.slow
@pytest.mark.parametrize(('suffix', 'options'), [
    ('.onnx', dict(half=True)), ('.onnx', dict(half=True, decode=True, flip=True)),
    ('.xml', dict(decode=True, flip=True)), ('.xml', dict(half=True, stage=0)),
    ('.pt2', dict(half=True, decode=True))], ids=str)
def test_a_file_gives_the_keypoints_of_the_network(tiny, tmp_path, suffix, options):
    skip_without(suffix)
    done = export(tiny.config, tiny.checkpoint, tmp_path / f'a{suffix}', **options)
    assert done.offsets.median() < (0.05 if options.get('half') else 1e-3)      # px of 64


@pytest.mark.slow
@pytest.mark.parametrize('suffix', ['.onnx', '.xml'])
def test_convolutions_in_8_bits_deviate_little(tiny, people, tmp_path, suffix):
    skip_without(suffix, int8=True)
    whole = export(tiny.config, tiny.checkpoint, tmp_path / f'whole{suffix}')
    done = export(tiny.config, tiny.checkpoint, tmp_path / f'a{suffix}', int8=True, images=people)
    text = (tmp_path / f'a{suffix}').read_bytes()
    assert (b'QuantizeLinear' if suffix == '.onnx' else b'FakeQuantize') in text
    assert done.images == 12 and done.offsets.shape == (12, 16)
    assert 1e-3 < done.deviation < 0.5                  # measured: at most 0.26, random weights
    assert whole.deviation < 1e-4
    if suffix == '.onnx':               # what is summed has not been rounded
        nodes = pytest.importorskip('onnx').load(done.path).graph.node
        made_by = {name: node.op_type for node in nodes for name in node.output}
        summands = [made_by[name] for node in nodes if node.op_type == 'Add' for name in node.input]
        assert 'Conv' in summands and 'DequantizeLinear' not in summands


@pytest.mark.slow
@pytest.mark.parametrize('half', [False, True])
@pytest.mark.parametrize(('decode', 'flip'), [(False, False), (True, False), (True, True)])
@torch.no_grad()
def test_opencv_reads_onnx_files(tiny, tmp_path, decode, flip, half):
    skip_without('.onnx')
    export(tiny.config, tiny.checkpoint, tmp_path / 'a.onnx', decode=decode, flip=flip, half=half)
    network = cv2.dnn.readNetFromONNX(str(tmp_path / 'a.onnx'))
    module = deployed(tiny.model, None, flip, decode)
    offsets = []
    for seed in range(6):
        pixels = torch.from_numpy(render_person(seed, (64, 64))[0]).permute(2, 0, 1)[None].float()
        network.setInput(pixels.numpy())
        found = network.forward(['keypoints', 'scores'] if decode else ['heatmaps'])
        expected = module(pixels)
        expected = [one.numpy() for one in (expected if decode else [expected])]
        assert np.abs(found[-1] - expected[-1]).max() < (5e-3 if half else 1e-4)
        offsets.append(np.abs(found[0] - expected[0]))
    assert np.median(offsets) < (0.05 if half else 1e-3)


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic')
@pytest.mark.parametrize('suffix', ['.onnx', '.xml', '.param'])
def test_float16_moves_no_keypoint_of_real_images_by_a_tenth_of_a_px(tmp_path, suffix):
    skip_without(suffix)
    images = sorted((DATA / 'flic/images').iterdir())[::46]
    done = export('flic-small', 'flic-small', tmp_path / f'flic{suffix}', half=True, check=images,
                  decode='decode' in FORMATS[suffix].options)
    assert done.images == 99
    assert done.offsets.median() < 0.005 and done.offsets.flatten().quantile(0.99) < 0.1   # px
    assert done.unsettled <= 0.01 * done.keypoints
