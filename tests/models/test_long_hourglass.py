"""The paper's alternative to stacking: one long hourglass, with or without side predictions."""
import pytest
import torch
from pairs import zip_equal
from torch import Tensor

from hourglass import Residual, StackedHourglass
from hourglass.models.long_hourglass import LongHourglass

SIZES = dict(channels=16, num_keypoints=3, depth=3, stem_channels=(4, 8, 8))


def images() -> Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def long(side_predictions: int, **changes) -> LongHourglass:
    torch.manual_seed(0)
    return LongHourglass(side_predictions=side_predictions, **SIZES | changes)


def test_without_side_predictions_it_is_one_stack():
    network = long(0, blocks_per_scale=2).eval()
    one = StackedHourglass(num_stacks=1, blocks_per_scale=2, **SIZES).eval()
    one.load_state_dict(network.state_dict())
    (found,), (expected,) = network(images()), one(images())
    assert torch.equal(found, expected)


def test_eight_modules_at_each_place_are_the_residuals_of_eight_stacks():
    with torch.device('meta'):
        one, eight = (network(channels=16, **sizes) for network, sizes in (
            (LongHourglass, dict(blocks_per_scale=8)), (StackedHourglass, dict(num_stacks=8))))
    counts = [sum(isinstance(part, Residual) for part in network.modules())
              for network in (one, eight)]
    assert counts == [3 + 8 * 14] * 2                   # the stem's, and 13 + 1 for every stack


def test_side_predictions_come_from_the_next_lower_resolutions():
    network = long(2).eval()
    hourglass = network.hourglasses[0]
    seen = []
    for features in network.side_features:
        features.register_forward_hook(lambda _, given, out: seen.append(given[0]))
    inner = []
    for level in (hourglass.inner.inner, hourglass.inner):
        level.register_forward_hook(lambda _, given, out: inner.append(out))
    hourglass(network.stem(images()))                   # the hourglass as it runs in a stack
    outputs = network(images())
    assert [tuple(x.shape) for x in seen] == [(2, 16, 4, 4), (2, 16, 8, 8)]
    assert all(torch.equal(a, b) for a, b in zip_equal(seen, inner))
    assert [tuple(o.shape) for o in outputs] == [(2, 3, 16, 16)] * 3
    assert torch.equal(outputs[-1], long(0).eval()(images())[0])


def test_a_side_loss_reaches_only_what_lies_below():
    network = long(2)
    network(images())[0].square().mean().backward()
    hourglass = network.hourglasses[0]
    assert hourglass.inner.inner.inner[0].branch[2].weight.grad.abs().max() > 0
    assert hourglass.up[0][0].branch[2].weight.grad is None
    assert network.heatmaps[0].weight.grad is None


def test_predictions_can_start_empty():
    assert max(o.abs().mean() for o in long(2, heatmap_std=0.001)(images())) < 0.01


@pytest.mark.parametrize('changes', [dict(side_predictions=3), dict(side_predictions=-1),
                                     dict(side_predictions=1, num_keypoints=None),
                                     dict(side_predictions=0, num_stacks=2)])
def test_what_cannot_be_is_refused(changes):
    with pytest.raises(ValueError, match='LongHourglass: (side_predictions|num_stacks)'):
        long(**changes)
