"""The scope is found from every OpenMMLab project."""
import pytest
import torch
from conftest import REPOSITORY
from mmengine.dataset import Compose
from mmengine.evaluator import Evaluator
from mmengine.registry import MODELS, OPTIM_WRAPPERS, DefaultScope, init_default_scope
from mmpose.datasets.transforms import TopdownAffine

import hourglass.registry as registries
from hourglass import StackedHourglass
from hourglass.checkpoints.configs import read_config
from hourglass.datasets.transforms import CropImage

ROOT = REPOSITORY / 'configs'
# those of reuse: tests/configs/test_reuse.py; mmpose's own: tests/analysis/test_benchmark.py
CONFIGS = sorted(
    path for path in ROOT.rglob('*.py')
    if path.relative_to(ROOT).parts[0] not in ('_base_', 'reuse')
    and 'hourglass52' not in path.stem)
DETECTORS = [path for path in CONFIGS if path.parent.name == 'detection']
COORDINATES = [path for path in CONFIGS if path.stem in ('simcc', 'integral')]    # no heatmaps


def innermost(dataset: dict) -> list[dict]:
    """The data sets inside mmengine's wrappers."""
    inside = dataset.get('datasets') or [dataset[key] for key in ('dataset',) if key in dataset]
    return [leaf for part in inside for leaf in innermost(part)] if inside else [dataset]


@pytest.mark.parametrize('scope', ['mmpose', 'mmdet', 'mmpretrain', 'mmseg', 'mmengine'])
def test_the_backbone_builds_from_every_scope(scope):
    with DefaultScope.overwrite_default_scope(scope):
        network = MODELS.build(dict(type='hourglass.StackedHourglass', num_stacks=1, channels=16,
                                    num_keypoints=None))
    assert type(network) is StackedHourglass


@pytest.mark.parametrize('config', DETECTORS, ids=lambda path: path.stem)
def test_every_config_of_a_detector_builds_and_its_parts_fit(config):
    cfg = read_config(config)
    with torch.device('meta'):
        stages = MODELS.build(cfg.model)(torch.empty(1, 3, 64, 96))
    assert {tuple(maps.shape) for maps in stages} == {(1, 5, 16, 24)}
    train, val, test = ({
        step['longer_side'] for dataset in innermost(cfg[f'{name}_dataloader'].dataset)
        for step in dataset.pipeline if 'longer_side' in step} for name in ('train', 'val', 'test'))
    assert val == test == {cfg.model.longer_side} and cfg.model.longer_side in train
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        assert Evaluator(evaluator).metrics


def test_the_experiments_take_another_input_from_the_environment(monkeypatch):
    monkeypatch.setenv('HOURGLASS_SIDE', '64')
    config = ROOT / 'experiments/base.py'
    assert read_config(config).codec.input_size == (64, 64)
    test_every_config_builds_and_its_parts_fit(config)


@pytest.mark.parametrize('config', COORDINATES, ids=lambda path: path.stem)
def test_heads_of_mmpose_fit_in_the_experiments(config):
    cfg = read_config(config)
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        model = MODELS.build(cfg.model).eval()
        outputs = model.head(model.backbone(torch.empty(1, 3, 96, 96)))
    assert outputs[0].shape == {'simcc': (1, 16, 192), 'integral': (1, 16, 2)}[config.stem]
    pipelines = [dataset.pipeline for dataset in innermost(cfg.train_dataloader.dataset)]
    encoders = [step.encoder for steps in pipelines for step in steps if 'encoder' in step]
    assert len(encoders) == 4 and all(encoder == cfg.model.head.decoder for encoder in encoders)


@pytest.mark.parametrize('config', [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (
        path.parent.name == 'experiments' and path.stem != 'base'))
    for path in CONFIGS if path not in (*DETECTORS, *COORDINATES)])
def test_every_config_builds_and_its_parts_fit(config):
    cfg = read_config(config)
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        model = MODELS.build(cfg.model).eval()          # batch statistics take far longer there
    datasets = [dataset for name in ('train', 'val', 'test')
                for dataset in innermost(cfg[f'{name}_dataloader'].dataset)]
    num_keypoints = {
        registries.DATASETS.build(dict(dataset, lazy_init=True)).metainfo['num_keypoints']
        for dataset in datasets}
    for dataset in datasets:
        steps = Compose(dataset.pipeline).transforms
        crop = next(step for step in steps if isinstance(step, (TopdownAffine, CropImage)))
        assert crop.input_size == cfg.codec.input_size
        assert all(step.encoder == cfg.model.head.decoder
                   for step in dataset.pipeline if 'encoder' in step)
    width, height = cfg.codec.input_size
    with torch.device('meta'):
        outputs = model.head(model.backbone(torch.empty(1, 3, height, width)))
    heatmap_width, heatmap_height = cfg.codec.heatmap_size
    assert {tuple(output.shape) for output in outputs} == {
        (1, *num_keypoints, heatmap_height, heatmap_width)}
    assert set(cfg.model.test_cfg) <= {'flip_test', 'all_stages'}
    assert OPTIM_WRAPPERS.get(cfg.optim_wrapper.type) is not None
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        assert Evaluator(evaluator).metrics
