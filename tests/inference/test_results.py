"""COCO's JSON and the table; results that several processes leave in a journal."""
import csv
import json
import os
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from hourglass.errors import DataError
from hourglass.inference.places import Request
from hourglass.inference.predict import Poses
from hourglass.inference.results import Results, SharedResults
from hourglass.inference.sources import ImageFiles
from hourglass.io.journal import Journal

METAINFO = dict(num_keypoints=2, keypoint_id2name={0: 'head', 1: 'foot'}, skeleton_links=[(0, 1)])


def poses(people: int) -> Poses:
    numbers = np.arange(people * 4, dtype=float).reshape(people, 2, 2)
    return Poses(numbers, np.full((people, 2), 0.5), np.tile([0.0, 0, 8, 8], (people, 1)),
                 whole_image=False, image_size=(8, 6), names=['head', 'foot'])


def request(name: str, people: int) -> Request:
    return Request(name, name, np.tile([1.0, 2, 5, 6, 0.9], (people, 1)))


def test_the_json_is_cocos_and_the_table_has_a_line_a_keypoint(tmp_path):
    results = Results(METAINFO, dict(model='m'))
    results.add(request('a.jpg', 2), poses(2))
    results.add(request('b.jpg', 0), poses(0))
    results.add(request('c.jpg', 0), DataError('c.jpg: torn'))
    assert results.finish(tmp_path) == 0
    content = json.loads((tmp_path / 'predictions.json').read_text())
    assert content['categories'] == [dict(id=1, name='person', keypoints=['head', 'foot'],
                                          skeleton=[[1, 2]])]
    assert content['images'] == [dict(id=0, file_name='a.jpg', width=8, height=6),
                                 dict(id=1, file_name='b.jpg', width=8, height=6)]
    first, second = content['annotations']
    assert (first['image_id'], second['id']) == (0, 1)
    assert first['bbox'] == [1, 2, 4, 4] and first['area'] == 16 and first['crop'] == [0, 0, 8, 8]
    assert second['keypoints'] == [4, 5, 0.5, 6, 7, 0.5] and second['score'] == 0.5
    with (tmp_path / 'predictions.csv').open() as file:
        lines = list(csv.reader(file))
    assert lines[0] == ['image', 'person', 'keypoint', 'x', 'y', 'score']
    assert lines[-1] == ['a.jpg', '1', 'foot', '6.0', '7.0', '0.5'] and len(lines) == 5
    assert results.problems == ['c.jpg: torn']
    assert content['info'] == dict(model='m', sides='person')


def test_ids_and_scores_of_given_boxes_are_kept(tmp_path):
    results = Results(METAINFO | dict(observer_sides=True), {})
    results.add(replace(request('a.jpg', 2), image_id=70, ids=[31, 'x']), poses(2))
    results.add(replace(request('b.jpg', 0), image_id=5), poses(0))
    content = results.content()
    assert [image['id'] for image in content['images']] == [70, 5]
    assert [(one['image_id'], one['id'], one['bbox_score']) for one in content['annotations']] == [
        (70, 31, 0.9), (70, 'x', 0.9)]
    assert content['info'] == dict(sides='observer')
    assert results.coco_results()[1] == dict(
        image_id=70, category_id=1, keypoints=[4, 5, 0.5, 6, 7, 0.5], score=0.5, bbox_score=0.9,
        annotation_id='x')


@pytest.mark.parametrize(('names', 'ids'), [
    (['000139.jpg', 'val/7.jpg', 'street.jpg'], [139, 7, 'street.jpg']),
    (['a/1.jpg', 'b/1.jpg'], ['a/1.jpg', 'b/1.jpg'])])
def test_images_without_ids_have_their_numbers_or_names_in_cocos_results(tmp_path, names, ids):
    results = Results(METAINFO, {}, as_list=True)
    for name in names:
        results.add(request(name, 1), poses(1))
    results.finish(tmp_path)
    written = json.loads((tmp_path / 'predictions.json').read_text())
    assert [one['image_id'] for one in written] == ids


def test_other_keypoints_in_the_file_of_boxes_are_warned_of_once(caplog):
    results = Results(METAINFO, {}, as_list=True)
    for keypoints in (None, ['head', 'foot']):
        results.add(replace(request('a.jpg', 1), keypoints=keypoints), poses(1))
    assert not caplog.records
    for _ in range(2):
        results.add(replace(request('b.jpg', 1), keypoints=['foot', 'head']), poses(1))
    assert len(caplog.records) == 1 and 'COCOeval needs the same' in caplog.text


def test_probabilities_are_written_on_request(tmp_path):
    results = Results(METAINFO, {})
    results.add(request('a.jpg', 2), replace(poses(2), probability=np.array([[0, 0.1], [0.2, 1]])))
    results.finish(tmp_path)
    content = json.loads((tmp_path / 'predictions.json').read_text())
    assert [person['probability'] for person in content['annotations']] == [[0, 0.1], [0.2, 1]]
    with (tmp_path / 'predictions.csv').open() as file:
        lines = list(csv.reader(file))
    assert [line[-1] for line in lines] == ['probability', '0.0', '0.1', '0.2', '1.0']


def test_frames_have_a_time_and_their_people_a_track(tmp_path):
    results = Results(METAINFO, {})
    frame = replace(request('film.mp4/1', 2), video='film.mp4', time=0.04, track_ids=[7, 3])
    results.add(frame, poses(2))
    results.add(request('still.jpg', 1), poses(1))
    results.finish(tmp_path)
    content = json.loads((tmp_path / 'predictions.json').read_text())
    assert [image.get('time') for image in content['images']] == [0.04, None]
    assert [person.get('track_id') for person in content['annotations']] == [7, 3, None]
    with (tmp_path / 'predictions.csv').open() as file:
        lines = list(csv.DictReader(file))
    assert [(line['time'], line['track_id']) for line in lines[::2]] == [
        ('0.04', '7'), ('0.04', '3'), ('', '')]


@pytest.fixture
def folder(tmp_path):
    for name in 'abcd':
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.zeros((6, 8, 3), np.uint8))
    return tmp_path


def opened(folder, rank: int, ranks: int):
    source = ImageFiles(str(folder))
    journal = Journal(folder / 'out/journal', 'work', rank, ranks)
    results = SharedResults(METAINFO, {}, journal, source)
    source.keep(results.share())
    return results, [image.name for image in source]


def test_processes_share_images_and_the_last_writes_all_in_order(folder):
    (first, of_first), (second, of_second) = (opened(folder, rank, 2) for rank in range(2))
    assert (of_first, of_second) == (['a.png', 'c.png'], ['b.png', 'd.png'])
    for name in of_second:
        second.add(request(name, 1), poses(1))
    assert second.finish(folder / 'out') == 2 and not (folder / 'out/predictions.json').exists()
    first.add(request('a.png', 1), poses(1))
    first.add(request('c.png', 0), DataError('c.png: torn'))
    assert first.finish(folder / 'out') == 0
    content = json.loads((folder / 'out/predictions.json').read_text())
    assert [image['file_name'] for image in content['images']] == ['a.png', 'b.png', 'd.png']
    assert first.problems == ['c.png: torn']


def test_an_image_that_could_not_be_used_is_tried_again(folder):
    results, names = opened(folder, 0, 1)
    for name in names[:3]:
        results.add(request(name, 1), poses(1))
    results.add(request('d.png', 0), DataError('d.png: the drive is away'))
    assert results.finish(folder / 'out') == 0 and results.problems
    results, names = opened(folder, 0, 1)
    assert names == ['d.png']
    results.add(request('d.png', 1), poses(1))
    assert results.finish(folder / 'out') == 0 and not results.problems


@pytest.mark.parametrize('changed', [False, True])
def test_calls_with_other_numbers_of_processes_continue_each_other(folder, changed):
    for rank in range(2):                       # whose files are read after that of one process
        results, names = opened(folder, rank, 2)
        for name in names:
            results.add(request(name, 1), DataError(f'{name}: torn') if name == 'b.png'
                        else poses(1))
    if changed:
        cv2.imwrite(str(folder / 'b.png'), np.ones((7, 8, 3), np.uint8))
    results, names = opened(folder, 0, 1)
    assert names == ['b.png']
    results.add(request('b.png', 1), poses(1))
    assert results.finish(folder / 'out') == 0 and not results.problems
    assert opened(folder, 0, 1)[1] == []


def test_another_call_does_the_rest_and_what_has_changed(folder):
    results, _ = opened(folder, 0, 1)
    results.add(request('a.png', 1), poses(1))
    results.add(request('b.png', 1), poses(1))
    cv2.imwrite(str(folder / 'b.png'), np.ones((7, 8, 3), np.uint8))
    assert opened(folder, 0, 1)[1] == ['b.png', 'c.png', 'd.png']


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems have no such names')
def test_a_name_that_is_no_text_is_written(tmp_path):
    results = Results(METAINFO, dict(model='m'))
    results.add(request(name := os.fsdecode(b'caf\xe9.jpg'), 1), poses(1))
    assert results.finish(tmp_path) == 0
    assert json.loads((tmp_path / 'predictions.json').read_text())['images'][0]['file_name'] == name
    assert b'caf\xe9.jpg' in (tmp_path / 'predictions.csv').read_bytes()


@pytest.mark.parametrize('changed', ['time', 'size'])
def test_an_image_that_changed_is_done_again(folder, changed):
    results, names = opened(folder, 0, 1)
    for name in names:
        results.add(request(name, 1), poses(1))
    path = folder / 'b.png'
    stat = path.stat()
    if changed == 'size':
        path.write_bytes(path.read_bytes() + b'\0')
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + (changed == 'time')))
    assert opened(folder, 0, 1)[1] == ['b.png']
