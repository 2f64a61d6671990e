"""Which boxes overlap, remain and are usable."""
import numpy as np
import pytest

from hourglass.datasets.box_geometry import box_around, has_extent, is_usable, overlaps, suppressed

# ten joints, px: their box is 40x90, and one of them is alone at the top
JOINTS = np.array([[50.0, 10], [30, 60], [70, 60], [30, 100], [70, 100], *[[50, 80]] * 5,
                   [np.nan, np.nan]])


def test_overlaps_are_the_shared_part_of_both():
    """60 of 100 + 80 - 60 px^2, the whole, and nothing."""
    boxes = np.array([[4.0, 0, 12, 10], [0, 0, 10, 10], [10, 0, 20, 10]])
    assert overlaps(np.array([0.0, 0, 10, 10]), boxes).tolist() == [0.5, 1, 0]


def test_of_boxes_that_overlap_the_best_remains():
    boxes = np.array([[0, 0, 10, 10, 0.8], [50, 50, 60, 60, 0.5], [4, 0, 12, 10, 0.9]])
    assert suppressed(boxes, 0.5).tolist() == boxes[[2, 0, 1]].tolist()
    assert suppressed(boxes, 0.49).tolist() == boxes[[2, 1]].tolist()
    assert suppressed(boxes[:0], 0.5).shape == (0, 5)


@pytest.mark.parametrize(('box', 'expected'), [
    ([30.5, 10.5, 70.5, 100.5], True), ([30.5, 60, 70.5, 100.5], True),    # without the top
    ([30.5, 60, 69, 100.5], False),                     # seven of ten
    ([0, 0, 120, 90 + 11], False), ([10, 0, 120, 101], False), ([10, 0, 117, 100.9], True)])
def test_a_usable_box_has_nine_of_ten_joints_and_at_most_three_times_their_box(box, expected):
    assert is_usable(np.array(box, float), JOINTS) == expected


def test_joints_on_a_line_have_no_box_and_no_usable_one():
    line = np.array([[10.0, 10], [10, 50], [np.nan, np.nan]])
    assert not has_extent(line) and not is_usable(box_around(line), line)
    line[1, 0] += 1
    assert has_extent(line)


def test_a_box_around_joints_has_a_margin_of_its_longer_side():
    """Joints count from the middle of the first pixel, boxes from the image's corner."""
    joints = np.array([[10, 20], [np.nan, np.nan], [60, 120], [30, 40]])
    assert box_around(joints).tolist() == [2.5, 12.5, 68.5, 128.5]
    assert box_around(joints, 0).tolist() == [10.5, 20.5, 60.5, 120.5]


def test_eight_of_ten_joints_are_too_few():
    """Without the one at the top and one at the right."""
    joints = JOINTS.copy()
    joints[2] = [90, 60]
    assert not is_usable(np.array([30.5, 60, 70.5, 100.5]), joints)
