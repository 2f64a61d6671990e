"""What is drawn lies where the keypoints are."""
import cv2
import numpy as np
import pytest
from pairs import zip_equal

from hourglass.datasets.mpii.dataset import MpiiDataset
from hourglass.errors import DataError
from hourglass.inference.drawing import draw_truth, write_sheet


def test_the_truth_is_a_white_cross_at_every_annotated_keypoint():
    image = np.zeros((120, 80, 3), np.uint8)
    keypoints_image = np.array([[20.2, 30.4], [np.nan, 50], [60, 90]])
    drawn = draw_truth(image, keypoints_image)
    assert not image.any()                                      # the given image is not changed
    rows, columns = np.nonzero((drawn > 200).all(-1))           # their ends are smoothed
    crosses = {(int(x), int(y)) for x, y in zip_equal(columns, rows)}
    assert crosses == {(x + dx, y + dy) for x, y in ((20, 30), (60, 90)) for dx, dy in (
        (0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))}


def test_a_sheet_has_one_square_per_person(synthetic, tmp_path):
    people = MpiiDataset(data_root=str(synthetic / 'synthetic/test'), ann_file='annotations.json')
    write_sheet(people, tmp_path / 'new/sheet.png', count=8, columns=3)
    sheet = cv2.imread(str(tmp_path / 'new/sheet.png'))
    assert sheet.shape == (3 * 256, 3 * 256, 3)
    assert (sheet[512:, 512:] == 40).all()                      # eight people, nine places
    green = (sheet == (0, 170, 0)).all(-1)                      # the bones of the left side
    assert all(green[y:y + 256, x:x + 256].any() for x, y in ((0, 0), (512, 256), (256, 512)))
    with pytest.raises(DataError, match=r'sheet\.txt: .* cannot be written in this format'):
        write_sheet(people, tmp_path / 'sheet.txt')
