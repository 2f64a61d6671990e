"""A network up to a stage gives what the whole network gives there, and computes no more."""
import pytest
import torch

from hourglass import StackedHourglass
from hourglass.errors import ConfigError
from hourglass.models.stages import shallow_copy, stage_index, up_to_stage


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
        with pytest.raises(ConfigError, match=f'stage {stage}: the network has 3, give 0 to 2'):
            up_to_stage(network, stage)


def test_a_shallow_copy_shares_what_is_not_replaced(network):
    twin = shallow_copy(network)
    twin.stem = torch.nn.Identity()
    assert not isinstance(network.stem, torch.nn.Identity)
    assert twin.hourglasses is network.hourglasses
