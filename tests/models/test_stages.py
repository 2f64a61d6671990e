"""A network up to a stage gives what the whole network gives there, and computes no more."""
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope

from hourglass import StackedHourglass
from hourglass.errors import ConfigError
from hourglass.models.stages import num_stages, shallow_copy, stage_index, up_to_stage


@pytest.fixture(scope='module')
def network() -> StackedHourglass:
    torch.manual_seed(0)
    return StackedHourglass(3, 16, 4, 2, stem_channels=(4, 8, 8)).eval()


@pytest.mark.parametrize(('stage', 'stacks'), [(0, 1), (1, 2), (2, 3), (-1, 3), (-3, 1)])
def test_the_last_output_is_that_of_the_stage(network, stage, stacks):
    images = torch.rand(2, 3, 32, 32)
    first, place = up_to_stage(network, stage)
    outputs = first(images)
    assert len(outputs) == first.num_stacks == stacks and place == -1
    assert torch.equal(outputs[place], network(images)[stage])
    assert network.num_stacks == 3 and len(network(images)) == 3            # it stays as it was
    assert first.hourglasses[0] is network.hourglasses[0]
    assert len(first.reinjects) == stacks - 1


def test_a_backbone_without_heatmaps_and_other_modules():
    backbone = StackedHourglass(2, 16, None, 2, stem_channels=(4, 8, 8)).eval()
    first, _ = up_to_stage(backbone, 0)
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(first(images)[-1], backbone(images)[0])
    other = torch.nn.Conv2d(3, 3, 1)
    assert up_to_stage(other, 5) == (other, 5)


def test_stages_that_do_not_exist_are_refused(network):
    assert [stage_index(stage, 3) for stage in (0, 2, -1, -3)] == [0, 2, 2, 0]
    for stage in (3, -4):
        with pytest.raises(ConfigError, match=f'no stage of index {stage}.* 0 to 2'):
            up_to_stage(network, stage)


def test_a_shallow_copy_shares_what_is_not_replaced(network):
    twin = shallow_copy(network)
    twin.stem = torch.nn.Identity()
    assert not isinstance(network.stem, torch.nn.Identity)
    assert twin.hourglasses is network.hourglasses


SMALL = dict(channels=8, depth=2, stem_channels=(4, 4, 8), num_keypoints=3)


@pytest.mark.parametrize(('backbone', 'head', 'count'), [
    (dict(type='hourglass.StackedHourglass', num_stacks=3, **SMALL), {}, 3),
    (dict(type='hourglass.LongHourglass', side_predictions=1, **SMALL), {}, 2),
    (dict(type='HourglassNet', num_stacks=2),
     dict(in_channels=256, num_keypoints=3, num_stages=2), 2),
    (dict(type='CPM', in_channels=3, out_channels=3, feat_channels=8, num_stages=4), {}, 4)],
    ids=['stacked', 'long', "mmpose's hourglass", "mmpose's CPM"])
def test_an_estimator_has_as_many_stages_as_its_head_gives_heatmaps(backbone, head, count):
    init_default_scope('mmpose')
    with torch.device('meta'):
        model = MODELS.build(dict(
            type='TopdownPoseEstimator', backbone=backbone,
            head=dict(type='hourglass.StackedHeatmapHead', **head))).eval()
        heatmaps = model.head(model.backbone(torch.empty(1, 3, 128, 128)))
    assert num_stages(model) == len(heatmaps) == count
    if backbone['type'] == 'hourglass.StackedHourglass':
        model.backbone, _ = up_to_stage(model.backbone, 1)
        assert num_stages(model) == 2
