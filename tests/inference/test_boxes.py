"""Boxes by name from both forms of file; functions that find them."""
import json

import numpy as np
import pytest

from hourglass.errors import ConfigError, DataError
from hourglass.inference.boxes import BoxFile, load_detector


def test_both_forms_give_the_same_boxes(tmp_path):
    plain, coco = tmp_path / 'plain.json', tmp_path / 'coco.json'
    plain.write_text(json.dumps({'a/b.jpg': [[1, 2, 11, 22], [0, 0, 5, 5]], 'c.jpg': []}))
    coco.write_text(json.dumps(dict(
        images=[dict(id=7, file_name='a/b.jpg'), dict(id=9, file_name='c.jpg')],
        annotations=[dict(image_id=7, bbox=[1, 2, 10, 20]), dict(image_id=7, bbox=[0, 0, 5, 5])])))
    for boxes in (BoxFile(plain), BoxFile(coco)):
        assert boxes('a/b.jpg').tolist() == [[1, 2, 11, 22], [0, 0, 5, 5]]
        assert boxes('folder/c.jpg').shape == (0, 4)        # by its last name, too
        with pytest.raises(DataError, match=r'd\.jpg: .*\.json has no boxes for it'):
            boxes('d.jpg')


@pytest.mark.parametrize('content', [
    '{', '[1, 2]', '{"a.jpg": [1, 2]}', '{"a.jpg": "x"}', '{"annotations": [], "images": [{}]}',
    '{"images": [], "annotations": [{"image_id": 3, "bbox": [1, 2, 3, 4]}]}', '7'])
def test_a_file_that_is_neither_is_refused_by_name(tmp_path, content):
    (tmp_path / 'boxes.json').write_text(content)
    with pytest.raises(DataError, match=r'boxes\.json: (no boxes as|not a JSON file)') as error:
        BoxFile(tmp_path / 'boxes.json')
    assert '\n' not in str(error.value)
    with pytest.raises(DataError, match=r'gone\.json: no such file'):
        BoxFile(tmp_path / 'gone.json')


def test_a_detector_is_any_function_in_reach(tmp_path, monkeypatch):
    (tmp_path / 'finder.py').write_text(
        'value = 3\ndef find(image):\n    return [[0, 0, 2, 3]]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend('')
    assert np.shape(load_detector('finder:find')(None)) == (1, 4)
    for name in ('finder:gone', 'nowhere:find', 'finder', 'finder:value'):
        with pytest.raises(ConfigError, match=f'--detector {name}: '):
            load_detector(name)
