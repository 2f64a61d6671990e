"""Families name every tensor of a network once, and their names tell its size."""
import pytest
import torch
from family_tensors import FAMILY, SIZES, tensors_of

from hourglass.checkpoints.families import FAMILIES, PIXELS, tensor_names


@pytest.mark.parametrize('family', FAMILY)
@pytest.mark.parametrize('changes', [{}, dict(num_keypoints=None), dict(depth=1, num_stacks=1)],
                         ids=str)
def test_names_and_shapes_give_the_sizes_back(family, changes):
    tensors, network = tensors_of(family, **changes)
    assert len(tensors) == len(network.state_dict())            # no name twice
    assert FAMILY[family].config(tensors) == SIZES | changes


def test_our_names_are_the_networks_own():
    _, network = tensors_of('hourglass')
    assert all(ours == theirs for ours, theirs in tensor_names(network, FAMILY['hourglass']))


@pytest.mark.parametrize(('family', 'ours', 'theirs'), [
    ('princeton', 'hourglasses.1.inner.up.0.0.branch.8.bias', 'hgs.1.0.low2.low3.conv3.conv.bias'),
    ('princeton', 'hourglasses.2.inner.inner.inner.0.branch.0.weight',
     'hgs.2.0.low2.low2.low2.bn1.weight'),
    ('princeton', 'stem.3.skip.weight', 'pre.1.skip_layer.conv.weight'),
    ('princeton', 'reinjects.0.heatmaps.weight', 'merge_preds.0.conv.conv.weight'),
    ('bearpaw', 'hourglasses.1.inner.up.0.0.branch.8.bias', 'hg.1.hg.1.2.0.conv3.bias'),
    ('bearpaw', 'hourglasses.2.inner.inner.inner.0.branch.0.weight', 'hg.2.hg.0.3.0.bn1.weight'),
    ('bearpaw', 'stem.3.skip.weight', 'layer1.0.downsample.0.weight'),
    ('bearpaw', 'features.1.2.running_var', 'fc.1.1.running_var')])
def test_names_are_those_of_released_checkpoints(family, ours, theirs):
    assert dict(tensor_names(tensors_of(family)[1], FAMILY[family]))[ours] == theirs


def test_each_marker_is_in_its_family_alone():
    for family in FAMILIES:
        marked = [other for other in FAMILY if family.marker in tensors_of(other)[0]]
        assert marked == [family.name]
        assert family.pixels in PIXELS


def test_a_missing_tensor_is_named():
    with pytest.raises(KeyError, match=r'conv1\.weight'):
        FAMILY['bearpaw'].config({'fc.0.0.weight': torch.ones(16, 16, 1, 1)})
