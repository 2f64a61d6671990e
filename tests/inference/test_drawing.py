"""What is drawn lies where the keypoints are."""
import numpy as np

from hourglass.inference.drawing import draw_truth


def test_the_truth_is_a_white_cross_at_every_annotated_keypoint():
    image = np.zeros((120, 80, 3), np.uint8)
    keypoints_image = np.array([[20.2, 30.4], [np.nan, 50], [60, 90]])
    drawn = draw_truth(image, keypoints_image)
    assert not image.any()                                      # the given image is not changed
    rows, columns = np.nonzero((drawn > 200).all(-1))           # their ends are smoothed
    crosses = {(int(x), int(y)) for x, y in zip(columns, rows, strict=True)}
    assert crosses == {(x + dx, y + dy) for x, y in ((20, 30), (60, 90)) for dx, dy in (
        (0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))}
