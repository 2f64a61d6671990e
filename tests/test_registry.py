"""The scope is found from every OpenMMLab project."""
import pytest
import torch
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import MODELS, DefaultScope, init_default_scope

import hourglass.registry as registries

CONFIGS = sorted(path for path in (REPOSITORY / 'configs').rglob('*.py')
                 if '_base_' not in path.parts)


@pytest.mark.parametrize('scope', ['mmpose', 'mmdet', 'mmengine'])
def test_the_backbone_builds_from_every_scope(scope):
    with DefaultScope.overwrite_default_scope(scope):
        network = MODELS.build(dict(type='hourglass.StackedHourglass', num_stacks=1, channels=16,
                                    num_keypoints=None))
    assert type(network) is registries.StackedHourglass


@pytest.mark.parametrize('config', CONFIGS, ids=lambda path: path.stem)
def test_every_config_builds_and_its_parts_fit(config):
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    metainfo = registries.DATASETS.get(
        cfg.train_dataloader.dataset.type.removeprefix('hourglass.')).METAINFO
    assert model.backbone.num_keypoints == len(metainfo['keypoint_info'])
    assert model.backbone.num_stacks == model.head.num_stages
    assert model.head.decoder is not None
    from mmengine.dataset import Compose
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert len(Compose(loader.dataset.pipeline).transforms) >= 3
    size = cfg.codec.input_size
    assert all(side % model.backbone.size_divisor == 0 for side in size)
    assert cfg.codec.heatmap_size == tuple(side // 4 for side in size)
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        assert Evaluator(evaluator).metrics
