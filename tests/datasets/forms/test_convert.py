"""Forms are told apart by their files."""
import pytest
from two_cats import labelme

from hourglass.datasets.forms.convert import Source, as_coco
from hourglass.errors import DataError


def test_a_file_of_coco_stays_as_it_is(tmp_path):
    (tmp_path / 'a.json').write_text('{}')
    assert as_coco(tmp_path / 'a.json', None, tmp_path / 'b.json') == Source(
        tmp_path / 'a.json', tmp_path)
    assert not (tmp_path / 'b.json').exists()


def test_what_is_missing_or_of_one_image_is_refused(tmp_path):
    with pytest.raises(DataError, match='nothing.json: no such file'):
        as_coco(tmp_path / 'nothing.json', None, tmp_path / 'b.json')
    with pytest.raises(DataError, match=r'a\.json: of one image, by labelme; give the folder'):
        as_coco(labelme(tmp_path) / 'a.json', None, tmp_path / 'b.json')
