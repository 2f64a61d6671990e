"""Boxes, centres and scales become square crops, or are refused in one line."""
import json

import numpy as np
import pytest

from hourglass.errors import ConfigError, DataError
from hourglass.inference.places import BoxFile, Request, box_finder, square_crops


def crops(**places) -> list:
    return square_crops(Request(np.zeros((96, 128, 3), np.uint8), 'a.jpg', **places), (128, 96))


def test_a_box_gets_a_square_with_a_margin_and_a_whole_image_none():
    (middle, side), = crops(boxes=[[20, 10, 60, 90, 0.7]])
    assert middle.tolist() == [39.5, 49.5] and side == 100
    (middle, side), = crops()
    assert middle.tolist() == [63.5, 47.5] and side == 128
    assert crops(boxes=[]) == []


def test_centres_and_scales_are_crops_as_they_are():
    found = crops(centers=[[5, 6], [7, 8]], scales=[0.5, 1])
    assert [(middle.tolist(), side) for middle, side in found] == [([5, 6], 100), ([7, 8], 200)]


@pytest.mark.parametrize(('places', 'message'), [
    (dict(boxes=[[1, 2, 3]]), r'a.jpg: boxes of shape \(1, 3\), \(P, 4\) needed'),
    (dict(boxes=[[5, 5, 5, 9]]), 'has no area; give x1, y1, x2, y2'),
    (dict(boxes=[[np.inf, 5, 5, 9]]), 'finite numbers needed'),
    (dict(boxes=[[900, 900, 950, 950]]), 'shows nothing of the 128x96 image'),
    (dict(boxes='here'), 'boxes are no table of numbers'),
    (dict(centers=[[5, 5]]), 'give boxes, or centers and scales, or neither'),
    (dict(boxes=[[1, 2, 3, 4]], centers=[[5, 5]], scales=[1]), 'give boxes, or centers'),
    (dict(centers=[[5, 5]], scales=[1, 2]), '1 centers and 2 scales; give one scale'),
    (dict(centers=[[5, 5]], scales=[0]), 'shows nothing'),
    (dict(boxes=[[-1e6, -1e6, 1e6, 1e6]]), 'more than 64 times as large as the 128x96 image')])
def test_other_places_are_refused(places, message):
    with pytest.raises(DataError, match=message):
        crops(**places)


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


def test_boxes_of_an_image_are_found_without_its_folder_if_only_one_has_the_name(tmp_path):
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps({'a/1.jpg': [[0, 0, 1, 1]], 'a/2.jpg': [], 'b/2.jpg': []}))
    assert BoxFile(path)('1.jpg').tolist() == BoxFile(path)('c/1.jpg').tolist() == [[0, 0, 1, 1]]
    with pytest.raises(DataError, match=r'2\.jpg: .* has no boxes for it'):
        BoxFile(path)('2.jpg')


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


def test_where_people_are_has_to_be_said_in_one_way(tmp_path, monkeypatch):
    (tmp_path / 'boxes.json').write_text('{"a.jpg": [[1, 2, 3, 4]]}')
    (tmp_path / 'two_boxes.py').write_text(
        'find = lambda image: [[0, 0, 9, 9, 0.5], [1, 1, 8, 9, 0.8]]')
    monkeypatch.chdir(tmp_path)
    request = Request(np.zeros((96, 128, 3), np.uint8), 'a.jpg')
    ways = dict(boxes='boxes.json', detector='two_boxes:find', whole_image=True)
    found = [box_finder(**{way: value})(request) for way, value in ways.items()]
    assert found[0].tolist() == [[1, 2, 3, 4]] and found[2] is None
    assert found[1].tolist() == [[1, 1, 8, 9, 0.8]]             # they overlap by 56 of 81 px^2
    both = box_finder(detector='two_boxes:find', overlap=0.7)(request)
    assert both.tolist() == [[1, 1, 8, 9, 0.8], [0, 0, 9, 9, 0.5]]
    for several in ({}, ways, dict(boxes='boxes.json', whole_image=True)):
        with pytest.raises(ConfigError, match='where are the people.*--detector .*--boxes, and'):
            box_finder(**several)
