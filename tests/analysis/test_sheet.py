"""A contact sheet shows the people it is asked for."""
import cv2
import pytest

from hourglass.analysis.sheet import write_sheet
from hourglass.datasets.mpii.files import MpiiDataset
from hourglass.errors import DataError


def test_a_sheet_has_one_square_per_person(synthetic, tmp_path):
    people = MpiiDataset(data_root=str(synthetic / 'synthetic/test'), ann_file='annotations.json')
    write_sheet(people, tmp_path / 'new/sheet.png', count=8, columns=3)
    sheet = cv2.imread(str(tmp_path / 'new/sheet.png'))
    assert sheet.shape == (3 * 256, 3 * 256, 3)
    assert (sheet[512:, 512:] == 40).all()                      # eight people, nine places
    green = (sheet == (0, 170, 0)).all(-1)                      # the bones of the left side
    assert all(green[y:y + 256, x:x + 256].any() for x, y in ((0, 0), (512, 256), (256, 512)))
    with pytest.raises(DataError, match=r'sheet\.txt: cannot be written'):
        write_sheet(people, tmp_path / 'sheet.txt')
