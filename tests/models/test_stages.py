"""Estimators say how many stages they have, cut ones and those of other backbones included."""
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope

from hourglass.errors import ConfigError
from hourglass.models.stages import num_stages, shallow_copy, stage_index, up_to_stage


def estimator(backbone: dict, **head):
    init_default_scope('mmpose')
    with torch.device('meta'):
        return MODELS.build(dict(
            type='TopdownPoseEstimator', backbone=backbone,
            head=dict(type='hourglass.StackedHeatmapHead', **head))).eval()


SMALL = dict(channels=8, depth=2, stem_channels=(4, 4, 8), num_keypoints=3)


@pytest.mark.parametrize(('backbone', 'head', 'count'), [
    (dict(type='hourglass.StackedHourglass', num_stacks=3, **SMALL), {}, 3),
    (dict(type='hourglass.LongHourglass', side_predictions=1, **SMALL), {}, 2),
    (dict(type='HourglassNet', num_stacks=2),
     dict(in_channels=256, num_keypoints=3, num_stages=2), 2),
    (dict(type='CPM', in_channels=3, out_channels=3, feat_channels=8, num_stages=4), {}, 4)],
    ids=['stacked', 'long', "mmpose's hourglass", "mmpose's CPM"])
def test_the_backbone_or_the_convolutions_of_the_head_say_how_many(backbone, head, count):
    model = estimator(backbone, **head)
    assert num_stages(model) == count
    outputs = model.head(model.backbone(torch.empty(1, 3, 128, 128, device='meta')))
    assert len(outputs) == count


def test_a_cut_network_has_fewer():
    model = estimator(dict(type='hourglass.StackedHourglass', num_stacks=3, **SMALL))
    model.backbone, place = up_to_stage(model.backbone, 1)
    assert (num_stages(model), place) == (2, -1)


def test_stages_are_counted_from_either_end():
    assert [stage_index(stage, 3) for stage in (0, 2, -1, -3)] == [0, 2, 2, 0]
    for stage in (3, -4):
        with pytest.raises(ConfigError, match=f'stage {stage}: the network has 3, give 0 to 2'):
            stage_index(stage, 3)


def test_a_shallow_copy_shares_its_parts_and_can_replace_them():
    model = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Tanh())
    twin = shallow_copy(model)
    assert twin[0] is model[0]
    twin[0] = torch.nn.Identity()
    assert isinstance(model[0], torch.nn.ReLU)
