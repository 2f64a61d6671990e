"""Networks are measured in turns: times in proportion, and only what was asked for."""
from pathlib import Path

import cv2
import pytest
import torch
from conftest import DATA, REPOSITORY, needs
from mmengine.config import Config
from tiny_network import write_tiny_network

from hourglass.analysis.benchmark import Contender, benchmark, compare_inputs
from hourglass.deploy.export import export
from hourglass.errors import ConfigError
from hourglass.registry import TRANSFORMS

COMPARED = [
    (f'td-hm_{name}-mmpose-pipeline_flic-{size}', f'flic/td-hm_{name}_flic-{size}')
    for name, size in (('hourglass8-paper', '256x256'), ('hourglass2-small', '128x128'))]


@pytest.fixture(scope='module')
def tiny(tmp_path_factory) -> str:
    return str(write_tiny_network(tmp_path_factory.mktemp('tiny'))[0])


def test_times_are_positive_and_ratios_to_the_first(tiny):
    report = benchmark([Contender(tiny), Contender(tiny, 'fuse'), Contender(tiny, stages=1)],
                       ['latency', 'training'], batch_size=4, rounds=3)
    plain, fused, one = report.rows
    assert plain['latency']['ratio'] == 1
    for row in report.rows:
        times = row['latency']
        assert 0 < times['low'] <= times['median'] <= times['high']
        assert row['deviation'] < 1e-4
    assert 'training' in plain and 'training' not in fused and 'training' not in one
    assert 'throughput' not in plain and 'macs' not in plain


@pytest.mark.parametrize(('name', 'stages', 'words'), [
    ('none.onnx', None, 'no such file'), ('none.onnx', 1, 'one number of stages')])
def test_a_file_that_cannot_be_run_is_refused(tiny, name, stages, words):
    with pytest.raises(ConfigError, match=words):
        Contender(tiny, name, stages)


def test_an_exported_file_is_measured_beside_its_network(tiny, tmp_path):
    pytest.importorskip('ncnn')
    exported = tmp_path / 'tiny.param'
    export(tiny, Path(tiny).with_suffix('.pth'), exported)
    of_file, plain = benchmark([Contender(tiny, str(exported)), Contender(tiny)], ['latency'],
                               rounds=2).rows
    assert of_file['latency']['median'] > 0 and 'deviation' not in of_file
    assert plain['deviation'] == 0


def test_an_unknown_measure_is_refused(tiny):
    with pytest.raises(ConfigError, match='speed'):
        benchmark([Contender(tiny)], ['speed'])


def config(name: str) -> Config:
    return Config.fromfile(REPOSITORY / f'configs/{name}.py')


def test_samples_are_counted_with_one_thread(synthetic, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    seen = []

    def note_threads(results: dict) -> dict:
        seen.append((torch.get_num_threads(), cv2.getNumThreads()))
        return results

    cfg = config('demo/td-hm_hourglass2-demo_synthetic-128x128')
    cfg.train_dataloader.dataset.pipeline.append(dict(type='hourglass.NoteThreads'))
    monkeypatch.setitem(TRANSFORMS.module_dict, 'NoteThreads', lambda: note_threads)
    before = torch.get_num_threads(), cv2.getNumThreads()
    measured, = compare_inputs([cfg], seconds=0.3, rounds=1)
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before
    assert len(seen) == measured['images'] + 20                       # to warm up
    assert set(seen) == {(1, 1)}                # OpenCV reports 1 after setNumThreads(0)
    assert 0 < measured['images_per_second'] <= measured['images'] / 0.3
    assert measured['images_per_core_second'] > 0.9 * measured['images_per_second']


def test_a_config_without_training_is_refused():
    with pytest.raises(ConfigError, match='has no train_dataloader'):
        compare_inputs([Config(dict())])


@pytest.mark.parametrize(('theirs', 'ours'), COMPARED)
def test_compared_configs_differ_in_their_steps_alone(theirs, ours):
    theirs, ours = config(f'comparison/{theirs}'), config(ours)
    steps, own = ({step.type: step for step in cfg.train_dataloader.dataset.pop('pipeline')}
                  for cfg in (theirs, ours))
    assert theirs.train_dataloader == ours.train_dataloader
    assert theirs.model.backbone == ours.model.backbone
    assert {name for name in steps if '.' in name} == {'hourglass.LuaColour'}
    assert steps['TopdownAffine'].input_size == own['hourglass.CropImage'].input_size
    for key in ('input_size', 'heatmap_size', 'sigma'):
        assert steps['GenerateTarget'].encoder[key] == own['GenerateTarget'].encoder[key]
    drawn = next(step for name, step in own.items() if name.endswith('ScaleRotation'))
    assert steps['RandomBBoxTransform'].scale_factor == drawn.get('scale', (0.75, 1.25))
    assert steps['RandomBBoxTransform'].rotate_factor == drawn.get('max_rotation', 30)


@needs(DATA / 'flic/images')
@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize('names', COMPARED)
def test_both_pipelines_read_flic(names, monkeypatch):
    """How fast each is stands in configs/comparison/README.md, with the command."""
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    for measured in compare_inputs([config(f'comparison/{names[0]}'), config(names[1])], seconds=1):
        assert measured['images'] > 0
