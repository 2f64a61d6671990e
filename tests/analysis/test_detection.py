"""Whose pose a person is given, and the table."""
import numpy as np

from hourglass.analysis.detection import Found, _best, table

# ten joints, px: their box is 40x90
JOINTS = np.array([[50.0, 10], [30, 60], [70, 60], [30, 100], [70, 100], *[[50, 80]] * 5,
                   [np.nan, np.nan]])


def test_a_person_is_given_the_box_that_overlaps_most():
    boxes = np.array([[0, 0, 400, 400], [25, 5, 75, 105], [60, 60, 90, 120.0]])
    assert _best(boxes, JOINTS) == 1
    assert _best(boxes[[0, 2]], JOINTS) == 1            # 400 of 5,000 px^2; 3,600 of 160,000
    assert _best(boxes[:1] + 500, JOINTS) is None
    assert _best(boxes[:0], JOINTS) is None


def test_the_table_leaves_out_what_has_no_number():
    found = [Found('annotation', np.nan, np.nan, np.nan, 64.2, 3.3, np.nan, np.nan),
             Found('hog', 23.5, 1.25, 0.1621, 20, np.nan, 60, 70.5, -44.2, -48.125, -40),
             Found('one image', 23.5, 1.25, 0.1621, 20, np.nan, 60, 70.5, -44.2)]
    assert table(found).splitlines()[2:] == [
        '| annotation |  |  |  | 64.20 ± 3.30 |  |  |  |',
        '| hog | 23.5 | 1.2 | 162 | 20.00 | 60.00 | 70.50 | -44.20 (-48.12 to -40.00) |',
        '| one image | 23.5 | 1.2 | 162 | 20.00 | 60.00 | 70.50 | -44.20 |']
    assert table(found[1:2]).splitlines()[2:] == [
        '| hog | 23.5 | 1.2 | 162 | 20.00 | 60.00 | 70.50 |']
