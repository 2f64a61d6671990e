"""Images with boxes: views and mosaics move boxes as they move pixels."""
import gzip
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from own_people import write_people

from hourglass.datasets.box_geometry import box_around, overlaps
from hourglass.datasets.boxes import (
    BoxesDataset,
    FitImage,
    ImagesOfPeople,
    RandomView,
    completed,
    visible,
)
from hourglass.errors import DataError

SIZE = 64
VIEW = dict(type='hourglass.RandomView', size=SIZE, longer_side=96)
PACK = dict(type='hourglass.PackBoxes')


@pytest.fixture
def folder(tmp_path):
    """Images of 96x80 px, black but for one white box each."""
    boxes = {}
    for number, (x, y, w, h) in enumerate(((20, 30, 24, 40), (60, 8, 30, 60), (4, 4, 16, 24))):
        image = np.zeros((80, 96, 3), np.uint8)
        image[y:y + h, x:x + w] = 255
        cv2.imwrite(str(tmp_path / f'{number}.png'), image)
        boxes[f'{number}.png'] = [[x, y, w, h, 0.9]]
    with gzip.open(tmp_path / 'boxes.json.gz', 'wt') as file:
        json.dump(boxes | {'0.png': [*boxes['0.png'], [1, 1, 2, 2, 0.9]]}, file)
    return tmp_path


def dataset(folder, **view) -> BoxesDataset:
    return BoxesDataset(ann_file=str(folder / 'boxes.json.gz'), data_prefix=dict(img=str(folder)),
                        pipeline=[VIEW | view, PACK])


@pytest.mark.parametrize(('mosaic', 'tile'), [(0, SIZE), (1, SIZE // 2)])
def test_a_box_lies_around_what_is_white_in_its_view(folder, mosaic, tile):
    """To a pixel, whose half is interpolated at the border."""
    np.random.seed(0)
    data = dataset(folder, mosaic=mosaic)
    samples = [data[index] for index in list(range(len(data))) * 5]
    checked = 0
    for sample in samples:
        image = sample['inputs'][0].numpy()
        assert image.shape == (SIZE, SIZE)
        for box in sample['data_samples'].boxes[:, :4].numpy():
            x, y = (box[:2] // tile * tile).astype(int)
            left, top, width, height = cv2.boundingRect(
                (image[y:y + tile, x:x + tile] > 127).astype(np.uint8))
            white = np.add([left, top, left + width, top + height], [x, y, x, y])
            assert np.abs(box - white).max() <= 1
            checked += 1
    assert checked > 10


def test_a_box_that_is_hardly_in_the_view_is_doubtful_or_left_out():
    boxes = np.array([[10, 10, 30, 30, 0.9], [-12, 10, 8, 30, 0.9], [-13, 10, 7, 30, 0.9],
                      [-18, 10, 2, 30, 0.9], [10, 10, 13, 30, 0.9], [10, 10, 30, 30, 0.2]])
    found = visible(boxes.astype(np.float32), SIZE)
    assert found[:, :4].tolist() == [[10, 10, 30, 30], [0, 10, 8, 30], [0, 10, 7, 30]]
    assert found[:, 4].tolist() == pytest.approx([0.9, 0.9, 0.54])


@pytest.fixture
def people(synthetic) -> dict:
    """Config of 16 people, one an image."""
    return dict(type='hourglass.MpiiDataset', data_root=str(synthetic / 'synthetic'),
                ann_file='test/annotations.json', data_prefix=dict(img='test/images'))


def test_boxes_are_completed_by_the_joints_of_annotated_people():
    """One joint beyond the box of the first person, and a second person without a box."""
    joints = np.array([[20.0, 10], [40, 10], [30, 60], [30, 109]])
    other = np.add(joints, (100, 0))
    boxes = np.array([[15.5, 5.5, 45.5, 90.5, 0.7], [200, 5, 240, 90, 0.6]])
    found = completed(boxes, [joints, other])
    assert found[0] == pytest.approx([15.5, 5.5, 45.5, 109.5 + 0.03 * 99, 1])
    assert found[1].tolist() == boxes[1].tolist()               # nobody annotated
    assert found[2] == pytest.approx([*box_around(other), 1])
    assert completed(boxes[:0], [joints])[0] == pytest.approx([*box_around(joints), 1])
    assert len(found) == 3 and completed(boxes, []).tolist() == boxes.tolist()
    alone = np.full((4, 2), np.nan)
    alone[0] = 30, 30
    assert completed(boxes, [alone]).tolist() == boxes.tolist()


@pytest.mark.parametrize('order', [[0, 1], [1, 0]])
def test_a_box_belongs_to_the_person_who_overlaps_it_most(order):
    """Two people, 5 px apart, and one box, which has an overlap above 0.5 with both."""
    joints = np.array([[20.0, 10], [40, 10], [30, 109]])
    people = [joints, np.add(joints, (5, 0))]
    box = np.array([[*box_around(joints), 0.7]])
    found = completed(box, [people[place] for place in order])
    assert found == pytest.approx(np.array([[*box_around(one), 1] for one in people]))


def test_a_usable_box_belongs_to_a_person_who_fills_little_of_it():
    joints = np.array([[20.0, 10], [60, 10], [60, 49], [20, 49]])
    found = completed(np.array([[5.5, 0.5, 75.5, 60.5, 0.7]]), [joints])
    assert overlaps(box_around(joints), found)[0] > 0.5         # at a margin of 8 %
    assert found.tolist() == [[5.5, 0.5, 75.5, 60.5, 1]]
    larger = np.array([[0.5, 0.5, 75.5, 62.5, 0.7]])
    assert overlaps(box_around(joints), larger)[0] < 0.5
    assert completed(larger, [joints]).tolist() == [[0.5, 0.5, 75.5, 62.5, 1]]


def test_people_and_a_file_of_boxes_together(people, tmp_path):
    alone = BoxesDataset(people=people)
    boxes_of = {Path(alone[i]['img_path']): alone[i]['boxes'] for i in range(len(alone))}
    assert [len(boxes) for boxes in boxes_of.values()] == [1] * 16
    (found, kept), (missed, _), *_ = boxes_of.items()
    x1, y1, x2, y2, _ = kept[0].tolist()
    (tmp_path / 'boxes.json').write_text(json.dumps({
        found.name: [[x1, y1, x2 - x1, y2 - y1, 0.7]], missed.name: [[0, 0, 5, 5, 0.6]]}))
    both = BoxesDataset(ann_file=str(tmp_path / 'boxes.json'), people=people,
                        data_prefix=dict(img=str(found.parent)))
    scores = {Path(both[i]['img_path']): both[i]['boxes'][:, 4].tolist() for i in range(len(both))}
    assert len(scores) == 16
    assert scores[found] == [1] and scores[missed] == pytest.approx([0.6, 1])


def test_an_image_of_a_test_has_all_its_people(people):
    images = ImagesOfPeople(people=people, pipeline=[FitImage(64, 32)], test_mode=True)
    assert sum(len(images[i]['keypoints_image']) for i in range(len(images))) == 16
    assert images[0]['img'].shape == (64, 64, 3) and images[0]['zoom'] == 0.5


def test_a_view_is_mirrored_half_of_the_time(folder):
    """The first box of an image that just fits lies left or, mirrored, right of the middle."""
    np.random.seed(0)
    view = RandomView(96, 96, scale=(1, 1), mosaic=0)
    sample = dataset(folder).get_data_info(2)
    sides = [view(dict(sample))['boxes'][0, 0] for _ in range(40)]
    assert set(sides) == {4, 96 - 20} and 10 < sides.count(4) < 30


def test_a_missing_image_and_a_wrong_box_are_named(folder):
    (folder / '1.png').unlink()
    with pytest.raises(DataError, match=r'boxes\.json\.gz: .*1\.png: no such image'):
        dataset(folder)
    (folder / 'boxes.json').write_text('{"0.png": [[1, 2, 3, 4]]}')
    with pytest.raises(DataError, match=r'boxes\.json: 0\.png, box 0: 4 numbers, a list of 5 nee'):
        BoxesDataset(ann_file=str(folder / 'boxes.json'), data_prefix=dict(img=str(folder)))


@pytest.mark.parametrize(('content', 'message'), [
    ([], 'names of images and lists of their boxes needed'),
    ({'0.png': [[1, 1, -5, 3, 1]]}, r'0\.png, box 0: .* has no area')])
def test_wrong_files_of_boxes_are_refused(folder, content, message):
    (folder / 'wrong.json').write_text(json.dumps(content))
    with pytest.raises(DataError, match=rf'wrong\.json: {message}'):
        BoxesDataset(ann_file=str(folder / 'wrong.json'), data_prefix=dict(img=str(folder)))


def test_two_people_of_an_image_stay_together(tmp_path):
    people = dict(type='hourglass.KeypointDataset', data_prefix=dict(img=str(tmp_path / 'images')),
                  ann_file=str(write_people(tmp_path, images=2)))
    images, boxes = ImagesOfPeople(people=people), BoxesDataset(people=people)
    for place in range(2):
        joints = images.get_data_info(place)['keypoints_image']
        assert [points[0, 0] for points in joints] == [15, 55]
        assert len(boxes.get_data_info(place)['boxes']) == 2


def test_a_mosaic_is_of_several_images_at_seven_tenths_of_the_scale(folder, monkeypatch):
    np.random.seed(0)
    data = BoxesDataset(ann_file=str(folder / 'boxes.json.gz'), data_prefix=dict(img=str(folder)))
    samples = [data[0] for _ in range(20)]
    assert {Path(other['img_path']).stem for one in samples for other in one['others']} == {
        '0', '1', '2'}
    seen, view = [], RandomView._view

    def noted(self, sample, size, longer_side):
        seen.append((sample['img_path'], size, longer_side))
        return view(self, sample, size, longer_side)
    monkeypatch.setattr(RandomView, '_view', noted)
    RandomView(SIZE, 96, mosaic=1)(dict(samples[0]))
    assert seen == [(one['img_path'], SIZE // 2, pytest.approx(0.7 * 96))
                    for one in (samples[0], *samples[0]['others'])]


def test_a_view_is_scaled_by_half_to_one_and_a_half(folder):
    """The view is so large that the whole image is in it."""
    np.random.seed(0)
    data = BoxesDataset(ann_file=str(folder / 'boxes.json.gz'), data_prefix=dict(img=str(folder)))
    sample, view = data.get_data_info(2), RandomView(400, 96, mosaic=0)
    factors = [np.ptp(view(dict(sample))['boxes'][0, [0, 2]]) / 16 for _ in range(200)]
    assert 0.5 <= min(factors) < 0.52 and 1.45 < max(factors) <= 1.5
    assert np.mean(np.log(factors)) == pytest.approx(np.log(0.5 * 1.5) / 2, abs=0.07)
