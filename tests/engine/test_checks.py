"""Settings that do not fit the network are refused before the first step."""
from types import SimpleNamespace

import pytest
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from pairs import zip_equal
from torch import nn

from hourglass.engine.checks import check_model, doubts
from hourglass.errors import ConfigError
from hourglass.models.backbone import StackedHourglass
from hourglass.models.head import StackedHeatmapHead

TINY = {'model.backbone.channels': 8, 'model.backbone.depth': 1,
        'model.backbone.stem_channels': (4, 8, 8)}


ONE_CYCLE = {'param_scheduler': [dict(type='OneCycleLR', eta_max=0.1)]}


def checked(options: dict) -> None:
    cfg = Config.fromfile(
        REPOSITORY / 'configs/synthetic/td-hm_hourglass2-paper_synthetic-256x256.py')
    cfg.merge_from_dict(TINY | options)
    init_default_scope(cfg.default_scope)
    check_model(MODELS.build(cfg.model), cfg)


def keys(**custom: dict) -> dict:
    """Custom keys, of which a dot is written as two underscores."""
    return {'optim_wrapper.paramwise_cfg': dict(custom_keys={
        key.replace('__', '.'): value for key, value in custom.items()})}


@pytest.mark.parametrize('options', [
    {}, {'activation_checkpointing': ['head']}, {'model.backbone.frozen_stages': 1},
    keys(backbone__stem=dict(lr_mult=0.1, decay_mult=0)), keys(heatmaps=dict(alpha=0.9)),
    keys(stem=dict(decay_mult=0)) | ONE_CYCLE])
def test_settings_that_fit_pass(options):
    checked(options)


@pytest.mark.parametrize(('options', 'message'), [
    ({'activation_checkpointing': ['backbone.stem']},
     r"activation_checkpointing: 'backbone\.stem' would get no gradient, or count each batch twice;"
     r' leave it out, and set model\.backbone\.with_cp=True'),
    ({'activation_checkpointing': ['backbone']}, "'backbone' would"),
    ({'model.backbone.num_keypoints': None, 'model.backbone.channels': 16},
     r'model\.backbone\.num_keypoints is None, so model\.head would take features for heatmaps'),
    ({'model.backbone.frozen_stages': 2}, 'every parameter is frozen'),
    ({'model.test_cfg.shift_heatmap': True}, r'test_cfg\.shift_heatmap: the mirrored heatmaps of'),
    ({'model.head.loss': dict(type='mmpose.KeypointOHKMMSELoss', topk=8),
      'model.head.decoder.unannotated': 'mask'},
     r'model\.head\.loss: use_target_weight=False trains keypoints without annotation to be'),
    (keys(backbone__stm=dict(lr_mult=0.1)),
     r"custom_keys\['backbone\.stm'\]: no parameter has that in its name, did you mean "
     r"'backbone\.stem'"),
    (keys(stem=dict(lr_mlt=0.1)), r"custom_keys\['stem'\]: nothing reads 'lr_mlt', did you mean "
                                  "'lr_mult'"),
    (keys(stem=dict(requires_grad=False)), "nothing reads 'requires_grad'; freeze stem and stacks "
                                           r'with model\.backbone\.frozen_stages'),
    (keys(stem=dict(lr_mult=0)), 'lr_mult=0 freezes no statistics, and no weights under a schedule '
                                 r'with an absolute eta_min; freeze stem and stacks'),
    (keys(stem=dict(lr_mult=0.1)) | ONE_CYCLE, 'OneCycleLR gives all parameters its eta_max'),
    ({'optim_wrapper.paramwise_cfg': dict(bias_lr_mult=2)} | ONE_CYCLE, 'whatever bias_lr_mult')])
def test_settings_that_would_train_something_else_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        checked(options)


@pytest.mark.parametrize(('weights', 'stage', 'said'), [
    (None, -1, 0), ((0, 1), -1, 0), ((0, 0), -1, 1), ((1, 0), -1, 1), ((1, 0), 0, 0)])
def test_a_stage_that_predicts_without_a_loss_is_doubtful(weights, stage, said):
    model = nn.Module()
    model.head = StackedHeatmapHead(stage_weights=weights, predict_stage=stage)
    lines = list(doubts(SimpleNamespace(model=model, optim_wrapper={})))
    assert lines == said * [
        'model.head.stage_weights is 0 for the stage that predicts, which learns nothing']


@pytest.mark.parametrize(('options', 'load_from', 'said'), [
    (dict(frozen_stages=0), None, ['frozen_stages keeps']), (dict(), None, []),
    (dict(norm_eval=True), None, ['norm_eval keeps']), (dict(norm_eval=True), 'people.pth', []),
    (dict(frozen_stages=1, init_cfg=dict(type='Pretrained', checkpoint='a.pth')), None, [])])
def test_frozen_random_weights_are_doubtful(options, load_from, said):
    model = nn.Module()
    model.backbone = StackedHourglass(
        num_stacks=2, channels=8, depth=1, stem_channels=(4, 8, 8), **options)
    runner = SimpleNamespace(model=model, optim_wrapper={}, _load_from=load_from)
    lines = list(doubts(runner))
    assert len(lines) == len(said)
    for line, beginning in zip_equal(lines, said):
        assert line.startswith(f'model.backbone.{beginning}') and 'set load_from' in line


def test_networks_of_other_projects_may_checkpoint_their_activations():
    model = nn.Sequential(nn.Linear(1, 1))
    check_model(model, Config(dict(activation_checkpointing=['0'])))
