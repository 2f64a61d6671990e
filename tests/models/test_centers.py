"""What a detector learns of boxes, and how boxes are read from its maps."""
import math

import pytest
import torch

from hourglass.models.centers import (
    CenterHead,
    decode,
    find,
    focal_loss,
    joined,
    losses,
    targets,
)

# x1, y1, x2, y2 in px and a score: centres in cells (4.5, 4) and (12, 10), sides (3, 6) and (4, 8)
BOXES = torch.tensor([[12.0, 4, 24, 28, 0.9], [40, 24, 56, 56, 0.5]])


def perfect(boxes: torch.Tensor, cells: int = 16) -> torch.Tensor:
    """Maps (1, 5, cells, cells) that say what the targets of boxes are."""
    _, peaks, _, sides = targets(boxes, (cells, cells))
    return torch.cat([torch.logit(0.8 * peaks + 0.1)[None], sides])[None]


def test_maps_of_the_targets_are_decoded_to_the_boxes():
    found, = decode(perfect(BOXES), most=2)
    assert torch.allclose(found[found[:, 0].argsort(), :4], BOXES[:, :4], atol=1e-4)
    assert torch.allclose(found[:, 4], torch.tensor(0.9))


def test_a_neighbour_with_a_lower_score_is_no_centre():
    maps = torch.full((1, 5, 8, 8), -4.0)
    maps[0, 0, 3, 3], maps[0, 0, 3, 4], maps[0, 0, 3, 6] = 2, 1, 1
    boxes, = decode(maps)
    places = boxes[boxes[:, 4] > 0.5, :2] + math.exp(-4) * 2        # of x1, y1: half a side less
    assert places.tolist() == [pytest.approx([(3.5 - 4) * 4, (3.5 - 4) * 4]),
                               pytest.approx([(6.5 - 4) * 4, (3.5 - 4) * 4])]


def test_large_people_are_found_at_half_the_size_and_small_ones_at_the_full_size():
    """Of an image of 64 px: 40 px at half the size alone, 10 px at the full size alone."""
    large, middle, small = torch.tensor([
        [20.0, 4, 44, 44, 1], [8, 44, 24, 60, 1], [52, 52, 60, 62, 1]])
    moved = torch.tensor([4.0, 0, 4, 0, 0])
    half = torch.tensor([0.5, 0.5, 0.5, 0.5, 1])
    maps = {64: perfect(torch.stack([large - moved, middle, small])),
            32: perfect(torch.stack([large, middle, small - moved]) * half, 8)}
    found, = find(lambda images: maps[images.shape[-1]], torch.zeros(1, 3, 64, 64))
    found = found[found[:, 4] > 0.5]
    assert torch.allclose(found[found[:, 0].argsort(), :4],
                          torch.stack([middle, large, small])[:, :4], atol=1e-4)


def test_boxes_that_are_each_others_best_match_become_one():
    """The first is found twice; the third overlaps the same one by 0.61, the first by 0.67."""
    boxes = torch.tensor([[0.0, 0, 10, 10, 0.3], [50, 0, 60, 10, 0.9], [4, 0, 14, 9, 0.5]])
    others = torch.tensor([[2.0, 0, 12, 10, 0.9], [-3, -3, 9, 9, 0.1], [54, 0, 64, 10, 0.2]])
    assert joined(boxes, others).tolist() == [pytest.approx(row) for row in (
        (1.5, 0, 11.5, 10, 0.9), *boxes[1:].tolist(), *others[1:].tolist())]
    for none in boxes[:0], others[:0]:
        assert torch.equal(joined(boxes, none), boxes) and torch.equal(joined(none, boxes), boxes)


def test_gaussians_have_the_shape_of_the_box():
    """The deviation is 0.09 of each side, and half a cell at least: 1.8 cells of 20, 0.5 of 4."""
    heat, peaks, weights, sides = targets(torch.tensor([[24.0, 0, 40, 80, 1]]), (24, 16))
    assert peaks.nonzero().tolist() == [[10, 8]] and heat[10, 8] == 1
    assert heat[12, 8] == pytest.approx(math.exp(-(2 / 1.8)**2 / 2))
    assert heat[10, 9] == pytest.approx(math.exp(-(1 / 0.5)**2 / 2))
    assert weights.sum() == pytest.approx(1)
    assert set(weights.nonzero()[:, 1].tolist()) == {8}             # exp(-2) is not near
    assert sides[:, 12, 8].tolist() == pytest.approx([-0.5, -2.5, math.log(4), math.log(20)])


def test_a_doubtful_box_is_no_centre_and_costs_nothing_as_one():
    boxes = BOXES.clone()
    boxes[1, 4] = 0.39
    heat, peaks, weights, _ = targets(boxes, (16, 16))
    assert peaks.sum() == 1 and weights[8:, 10:].sum() == 0
    logits = torch.full((1, 16, 16), -20.0)
    logits[0, 4, 4] = 20
    assert focal_loss(logits, heat[None], peaks[None]) < 1e-6
    logits[0, 10, 12] = 20
    assert focal_loss(logits, heat[None], peaks[None]) < 1e-6
    assert focal_loss(logits, *(one[None] for one in targets(boxes[:1], (16, 16))[:2])) > 10


def test_the_loss_of_a_centre_is_the_papers():
    """Of one centre missed by half, and one cell beside it whose Gaussian is a half."""
    logits, heat, peaks = torch.zeros(3, 1, 1, 2)
    heat[0, 0], peaks[0, 0, 0] = torch.tensor([1, 0.5]), 1
    expected = -0.5**2 * math.log(0.5) - 0.5**4 * 0.5**2 * math.log(0.5)
    assert focal_loss(logits, heat, peaks).item() == pytest.approx(expected)


@pytest.mark.parametrize(('height', 'cost'), [(math.e, 1), (1 / math.e, 3)])
def test_boxes_cost_their_errors_over_their_size(height, cost):
    """A quarter of a width to the right, and e times as high or as low, for each of two boxes."""
    maps = perfect(BOXES)
    maps[0, 1] += 0.25 * maps[0, 3].exp()
    maps[0, 4] += math.log(height)
    found = losses([perfect(BOXES), maps], [BOXES])
    assert found.keys() == {'loss_center0', 'loss_box0', 'loss_center1', 'loss_box1'}
    assert found['loss_box0'] == 0
    assert found['loss_box1'].item() == pytest.approx(0.25 + cost)


def test_an_image_without_people_has_a_loss_of_centres_alone():
    found = losses([torch.zeros(1, 5, 4, 4)], [torch.zeros(0, 5)])
    assert found['loss_center0'].item() == pytest.approx(16 * 0.5**2 * math.log(2))
    assert found['loss_box0'] == 0


def test_the_head_is_made_of_its_tensors():
    head = CenterHead(6, 2, 320)
    again = CenterHead.of(head.state_dict())
    features = torch.rand(2, 1, 6, 4, 4)
    for expected, found in zip(head(features), again(features)):
        assert found.shape == (1, 5, 4, 4) and torch.equal(found, expected)
    assert again.longer_side == 320


def test_centres_two_cells_apart_are_two_people():
    maps = torch.full((1, 5, 8, 8), -4.0)
    maps[0, 0, 3, 3], maps[0, 0, 3, 5] = 2, 1
    boxes, = decode(maps)
    assert (boxes[:, 4] > 0.5).sum() == 2


def test_cells_learn_a_box_by_their_gaussian():
    heat, _, weights, _ = targets(torch.tensor([[24.0, 0, 40, 80, 1]]), (24, 16))
    assert weights[11, 8] / weights[10, 8] == pytest.approx(heat[11, 8].item())
