"""Boxes of every form of file reach their image, with their scores and ids, or are refused."""
import json
import logging

import numpy as np
import pytest

from hourglass.errors import ConfigError, DataError
from hourglass.inference.boxes import BoxFile, box_finder
from hourglass.inference.places import Request

IMAGE = np.zeros((96, 128, 3), np.uint8)


def asked(boxes: BoxFile, name: str) -> tuple[list, Request]:
    """The boxes of an image of 128 x 96 px, and the request that was given its ids."""
    request = Request(IMAGE, name)
    return boxes(request).tolist(), request


@pytest.fixture
def written(tmp_path):
    def write(content) -> str:
        path = tmp_path / 'boxes.json'
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)
    return write


def coco(annotations: list[dict], **more) -> dict:
    return dict(images=[dict(id=7, file_name='a/b.jpg'), dict(id=9, file_name='c.jpg')],
                annotations=[dict(image_id=7) | one for one in annotations], **more)


def test_our_form_has_corners_and_perhaps_a_score(written):
    boxes = BoxFile(written({'a/b.jpg': [[1, 2, 11, 22, 0.5], [0, 0, 5, 5, 1]], 'c.jpg': []}))
    found, request = asked(boxes, 'a/b.jpg')
    assert found == [[1, 2, 11, 22, 0.5], [0, 0, 5, 5, 1]]
    assert request.image_id is request.ids is None
    assert asked(boxes, 'folder/c.jpg')[0] == []
    with pytest.raises(DataError, match=r'd\.jpg: .*\.json has no boxes for it'):
        asked(boxes, 'd.jpg')


def test_annotations_of_coco_are_people_with_ids_and_others_are_counted(written, caplog):
    content = coco([dict(id=31, bbox=[1, 2, 10, 20], category_id=3),
                    dict(id=32, bbox=[0, 0, 5, 5], category_id=8),
                    dict(id=33, bbox=[0, 0, 90, 90], category_id=3, iscrowd=1),
                    dict(id=34, bbox=[3, 3, 5, 6], category_id=3, iscrowd=0)],
                   categories=[dict(id=8, name='dog', keypoints=['tail']),
                               dict(id=3, name='person', keypoints=['nose'])])
    with caplog.at_level(logging.WARNING):
        boxes = BoxFile(written(content))
    assert 'boxes left out: 1 of other categories, 1 of crowds' in caplog.text
    found, request = asked(boxes, 'a/b.jpg')
    assert found == [[1, 2, 11, 22], [3, 3, 8, 9]]
    assert request.image_id == 7 and request.ids == [31, 34] and request.keypoints == ['nose']
    found, request = asked(boxes, 'c.jpg')
    assert found == [] and request.image_id == 9


def test_the_only_category_may_have_any_name_and_several_need_a_person(written):
    cat = [dict(id=1, bbox=[1, 2, 10, 20], category_id=5)]
    only = BoxFile(written(coco(cat, categories=[dict(id=5, name='cat')])))
    assert asked(only, 'b.jpg')[0] == [[1, 2, 11, 22]]
    with pytest.raises(DataError, match="none of its categories is 'person'"):
        BoxFile(written(coco(cat, categories=[dict(id=5, name='cat'), dict(id=6, name='dog')])))


def test_results_of_coco_are_found_by_numbers_or_names_and_keep_their_scores(written):
    boxes = BoxFile(written([
        dict(image_id=139, category_id=1, bbox=[1, 2, 10, 20], score=0.75),
        dict(image_id=139, category_id=2, bbox=[1, 2, 10, 20], score=0.9),
        dict(image_id='street', category_id=1, bbox=[4, 4, 10, 10], score=0.5)]))
    found, request = asked(boxes, 'val2017/000000000139.jpg')
    assert found == [[1, 2, 11, 22, 0.75]]
    assert request.image_id == 139 and request.ids is None
    assert asked(boxes, 'street.jpg')[0] == [[4, 4, 14, 14, 0.5]]
    found, request = asked(boxes, '000000000140.jpg')           # nobody was found there
    assert found == [] and request.image_id == 140
    with pytest.raises(DataError, match=r"road\.jpg: .* no boxes for it; .* '139', the first of"):
        asked(boxes, 'road.jpg')
    nobody = BoxFile(written([]), images=['road.jpg'])
    assert asked(nobody, 'road.jpg')[0] == asked(nobody, '7.jpg')[0] == []


def test_results_have_the_whole_name_of_an_image_and_others_are_counted(written, caplog):
    path = written([dict(image_id=one, bbox=[1, 2, 10, 20]) for one in ('018373893', 100, 107)])
    with pytest.raises(DataError, match="none of its 3 image_ids, as '018373893', is one of the i"):
        BoxFile(path, images=['18373894.jpg', 'a_100.jpg'])
    with caplog.at_level(logging.WARNING):
        boxes = BoxFile(path, images=['a/018373893.jpg', 'a/000107.jpg'])
    assert "1 of its 3 image_ids are none of the images; the first is '100'" in caplog.text
    found, request = asked(boxes, 'a/018373893.jpg')
    assert found == asked(boxes, 'a/000107.jpg')[0] == [[1, 2, 11, 22]]
    assert request.image_id == '018373893'


@pytest.mark.parametrize('content', [
    {'p.jpg': [[1, 2, 11, 22]]}, [dict(image_id='p', bbox=[1, 2, 10, 20])]])
def test_a_name_that_means_two_images_is_refused_for_both(written, content):
    boxes = BoxFile(written(content), images=['x/p.jpg', 'y/p.jpg'])
    for one, other in ('xy', 'yx'):
        with pytest.raises(DataError, match=rf'{one}/p\.jpg: the boxes of p.* of {other}/p\.jpg'):
            asked(boxes, f'{one}/p.jpg')


def test_the_image_of_exactly_that_name_has_the_boxes(written):
    boxes = BoxFile(written({'x/p.jpg': [[1, 2, 11, 22]]}), images=['a/p.jpg', 'x/p.jpg'])
    assert asked(boxes, 'x/p.jpg')[0] == [[1, 2, 11, 22]]
    with pytest.raises(DataError, match=r'a/p\.jpg: the boxes of x/p\.jpg'):
        asked(boxes, 'a/p.jpg')


def test_a_box_without_area_is_left_out_and_the_others_of_its_image_remain(written, caplog):
    content = coco([dict(id=31, bbox=[1, 2, 0, 20]), dict(id=32, bbox=[1, 2, 10, 20])],
                   categories=[dict(id=1, name='person', keypoints=['nose'])])
    with caplog.at_level(logging.WARNING):
        boxes = BoxFile(written(content))
    found, request = asked(boxes, 'b.jpg')
    assert found == [[1, 2, 11, 22]] and request.ids == [32] and request.keypoints == ['nose']
    assert r'annotation 31: bbox [1, 2, 0, 20] has no area' in caplog.text
    assert '1 without area' in caplog.text
    with pytest.raises(DataError, match=r"d\.jpg: .*; 'images' has 'a/b\.jpg', the first of 2"):
        asked(boxes, 'd.jpg')


@pytest.mark.parametrize(('content', 'message'), [
    (coco([dict(image_id=999, bbox=[1, 2, 3, 4])]), "annotation 0: image 999 is not in 'images'"),
    (coco([dict(id=31, bbox=[1, 2, 3])]), 'annotation 31: bbox: 3 numbers, a list of 4 needed'),
    (coco([dict(id=31, bbox=[1, 2, 3, 4], iscrowd='0')]),
     'annotation 31: iscrowd: could not convert a text to a number'),
    (coco([dict(id=31, bbox=None)]), 'annotation 31: bbox: 1 numbers, a list of 4 needed'),
    (coco([dict(id=31, bbox=[1, 2, 3, 4], score='x')]), 'annotation 31: score: could not'),
    (coco([dict(bbox=[1, 2, 3, 4], score=1), dict(bbox=[1, 2, 3, 4])]),
     r'a/b\.jpg: boxes with and without a score'),
    (dict(annotations=[]), "'annotations' and no 'images'; add these"),
    (coco([dict(id=31, bbox=[1, 2, 3, 4])] * 2), 'two of the annotations have the id 31'),
    (dict(images=[dict(id=i, file_name='a.jpg') for i in (1, 2)], annotations=[]),
     r"two of the images have the file_name 'a\.jpg'"),
    ({'a.jpg': [1, 2, 30, 40]}, r'a\.jpg, box 0: 1 where x1, y1, x2, y2, .* are needed'),
    ({'a.jpg': [[1, 2, 30, float('nan')]]}, r'a\.jpg, box 0: number 4 of 4 is nan, a finite one'),
    ({'a.jpg': [[1, 2, '30', 40]]}, r'a\.jpg, box 0: could not convert a text to a number'),
    ({'a.jpg': None}, r'a\.jpg: None where a list of boxes is needed')])
def test_what_is_malformed_is_named(written, content, message):
    with pytest.raises(DataError, match=rf'boxes\.json.*{message}') as error:
        BoxFile(written(content))
    assert 'Error:' not in str(error.value)


def test_corners_and_sizes_are_told_apart_or_asked_for(written):
    sizes = {'a.jpg': [[60, 50, 30, 40]]}
    with pytest.raises(DataError, match='none as x1, y1, x2, y2; if .* --box-format xywh'):
        BoxFile(written(sizes))
    assert asked(BoxFile(written(sizes), 'xywh'), 'a.jpg')[0] == [[60, 50, 90, 90]]
    corners = coco([dict(id=1, bbox=[60, 50, 120, 90])])
    with pytest.raises(DataError, match='end outside of the image, but not if .*--box-format xyxy'):
        asked(BoxFile(written(corners)), 'b.jpg')
    assert asked(BoxFile(written(corners), 'xyxy'), 'b.jpg')[0] == [[60, 50, 120, 90]]
    for x, width in ((40, 95), (90, 60), (90, 160)):    # leaves by 5 %; no corners; corners outside
        leaving = coco([dict(id=1, bbox=[x, 5, width, 90])])
        assert asked(BoxFile(written(leaving)), 'b.jpg')[0] == [[x, 5, x + width, 95]]


def test_corners_in_cocos_form_have_an_area_between_them(written):
    backwards = coco([dict(id=1, bbox=[60, 50, 60, 90]), dict(id=2, bbox=[60, 50, 70, 90])])
    assert asked(BoxFile(written(backwards), 'xyxy'), 'b.jpg')[0] == [[60, 50, 70, 90]]


@pytest.mark.parametrize('content', [
    {'a.jpg': [[0.1, 0.2, 0.6, 0.9]], 'b.jpg': [[-0.02, 0, 1.01, 1]]},
    coco([dict(id=1, bbox=[0.1, 0.2, 0.5, 0.6])]),
    [dict(image_id=1, category_id=1, bbox=[0.1, 0.2, 0.5, 0.6])]])
def test_fractions_are_refused_with_the_fix(written, content):
    with pytest.raises(DataError, match=r'boxes\.json: .* fractions .*; multiply x by its width'):
        BoxFile(written(content))


def test_folders_of_names_may_differ_if_only_one_image_is_meant(written):
    path = written({'data/a/1.jpg': [[0, 0, 2, 2]], 'data/a/2.jpg': [],
                    'data/b/2.jpg': [[0, 0, 3, 3]]})
    assert asked(BoxFile(path), '1.jpg')[0] == asked(BoxFile(path), 'c/1.jpg')[0] == [[0, 0, 2, 2]]
    assert asked(BoxFile(path), 'b/2.jpg')[0] == [[0, 0, 3, 3]]
    with pytest.raises(DataError, match=r'2\.jpg: .* has no boxes for it'):
        asked(BoxFile(path), '2.jpg')
    boxes = BoxFile(path)
    asked(boxes, 'x/1.jpg')
    with pytest.raises(DataError, match=r'y/1\.jpg: the boxes of data/a/1\.jpg .* of x/1'):
        asked(boxes, 'y/1.jpg')


@pytest.mark.parametrize('content', [
    '{', '[1, 2]', '{"a.jpg": [1, 2]}', '{"a.jpg": "x"}', '{"a.jpg": [[1, 2, 3, 4, 5, 6]]}',
    '{"annotations": [], "images": [{}]}',
    '{"images": [], "annotations": [{"image_id": 3, "bbox": [1, 2, 3, 4]}]}',
    '{"images": [], "annotations": [{"image_id": 3}]}', '7'])
def test_a_file_of_no_form_is_refused_by_name(written, tmp_path, content):
    with pytest.raises(DataError, match=r'boxes\.json') as error:
        BoxFile(written(content))
    assert '\n' not in str(error.value)
    with pytest.raises(DataError, match=r'gone\.json: no such file'):
        BoxFile(tmp_path / 'gone.json')


def test_where_people_are_has_to_be_said_in_one_way(tmp_path, monkeypatch):
    (tmp_path / 'boxes.json').write_text('{"a.jpg": [[1, 2, 3, 4]]}')
    (tmp_path / 'two_boxes.py').write_text(
        'find = lambda image: [[0, 0, 9, 9, 0.5], [1, 1, 8, 9, 0.8]]')
    monkeypatch.chdir(tmp_path)
    request = Request(IMAGE, 'a.jpg')
    ways = dict(boxes='boxes.json', detector='two_boxes:find', whole_image=True)
    found = [box_finder(**{way: value})(request) for way, value in ways.items()]
    assert found[0].tolist() == [[1, 2, 3, 4]] and found[2] is None
    assert found[1].tolist() == [[1, 1, 8, 9, 0.8]]             # they overlap by 56 of 81 px^2
    both = box_finder(detector='two_boxes:find', overlap=0.7)(request)
    assert both.tolist() == [[1, 1, 8, 9, 0.8], [0, 0, 9, 9, 0.5]]
    with pytest.raises(ConfigError, match='where are the people.*--detector .*--boxes, and'):
        box_finder()
    with pytest.raises(ConfigError, match='--boxes and --whole-image both say .*; give one'):
        box_finder(boxes='boxes.json', whole_image=True)
    with pytest.raises(ConfigError, match='--detector and --boxes and --whole-image all say'):
        box_finder('boxes.json', 'hog', whole_image=True)
    with pytest.raises(ConfigError, match='--box-format is for --boxes'):
        box_finder(whole_image=True, box_format='xywh')


@pytest.mark.parametrize(('option', 'words'), [
    (dict(max_people=1), '--max-people'), (dict(score=0.4), '--detector-score'),
    (dict(overlap=0.4), '--detector-overlap')], ids=str)
def test_options_of_detectors_are_refused_without_one(option, words):
    with pytest.raises(ConfigError, match=f'{words} is for --detector; leave it out'):
        box_finder(whole_image=True, **option)


@pytest.mark.parametrize(('content', 'nobody_elsewhere'), [
    ({'a.mov/0': [], 'a.mov/1': [[1, 2, 30, 40]]}, False),
    ([dict(image_id='a.mov/1', category_id=1, bbox=[1, 2, 29, 38])], True)])
def test_frames_of_a_video_have_boxes(written, content, nobody_elsewhere):
    boxes = BoxFile(written(content))
    assert asked(boxes, 'a.mov/0')[0] == []
    assert asked(boxes, 'a.mov/1')[0] == [[1, 2, 30, 40]]
    if nobody_elsewhere:
        assert asked(boxes, 'a.mov/2')[0] == []
    else:
        with pytest.raises(DataError, match='has no boxes for it'):
            asked(boxes, 'a.mov/2')
