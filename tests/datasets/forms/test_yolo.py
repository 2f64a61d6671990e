"""YOLO-pose becomes a file in COCO's form, wherever its paths were written."""
import json
from pathlib import Path

import numpy as np
import pytest
from own_people import write_images
from two_cats import BOXES, EYE, NOSES, check, converted

from hourglass.datasets.skeletons import COCO, outline
from hourglass.errors import DataError


def yolo(folder: Path, image: str = 'images/train/a.png', **config: object) -> Path:
    write_images(folder, [image, 'images/val/b.png'])
    size = np.array([80, 60])
    lines = []
    for nose, eye, flag, box in zip(NOSES, [(*EYE, 2), (0, 0, 0)], (2, 1), BOXES):
        middle, sides = np.add(box[:2], np.divide(box[2:], 2)) / size, np.divide(box[2:], size)
        values = [*middle, *sides, *np.divide(nose, size), flag, *np.divide(eye[:2], size), eye[2]]
        lines.append(' '.join(map(str, [0, *values])))
    label = folder / image.replace('images', 'labels').replace('.png', '.txt')
    label.parent.mkdir(parents=True, exist_ok=True)
    label.write_text('\n'.join(lines) + '\n')
    (folder / 'labels/val').mkdir(exist_ok=True)
    (folder / 'labels/val/b.txt').touch()               # nobody, unless it was written above
    path = folder / 'data.yaml'
    path.write_text(json.dumps(dict(              # JSON is YAML
        train='images/train', val='images/val', kpt_shape=[2, 3], flip_idx=[0, 1],
        kpt_names={0: ['nose', 'eye']}) | config))
    return path


def test_yolos_labels_give_the_same_people(tmp_path):
    source, content = converted(yolo(tmp_path))
    assert content['images'].pop() == dict(id=2, file_name='images/val/b.png', width=80, height=60)
    check(content, name='images/train/a.png')
    assert source.images == tmp_path and not source.validation      # nobody is on b.png


@pytest.mark.parametrize('train', [r'C:\Users\me\cats\images\train', r'..\cats\images\train',
                                   'train.txt'])
def test_yolo_with_paths_of_windows(tmp_path, train):
    (tmp_path / 'train.txt').write_bytes(b'C:\\Users\\me\\cats\\images\\train\\a.png\r\n')
    _, content = converted(yolo(tmp_path, train=train, val=train, path=r'C:\Users\me\cats'))
    check(content, name='images/train/a.png')


def test_yolo_says_which_keypoints_are_pairs_and_which_images_are_for_validation(tmp_path):
    path = yolo(tmp_path, image='images/val/b.png', train=[], flip_idx=[1, 0])
    source, _ = converted(path)
    assert source.flip_pairs == [('nose', 'eye')] and source.validation == ['images/val/b.png']


@pytest.mark.parametrize(('config', 'message'), [
    (dict(kpt_shape=None), 'kpt_shape is None'),
    (dict(kpt_names=['nose']), 'kpt_names has 1 names'),
    (dict(train='images/other'), 'has no images/other'),
    (dict(kpt_shape=[2, 2], kpt_names=None), r'a.txt, line 1: 9 numbers needed')])
def test_yolo_is_refused_by_name(tmp_path, config, message):
    with pytest.raises(DataError, match=message):
        converted(yolo(tmp_path, **config))


def test_the_images_of_a_test_are_left_out(tmp_path):
    path = yolo(tmp_path, test='images/test')
    write_images(tmp_path, ['images/test/c.png'])
    assert [one['file_name'] for one in converted(path)[1]['images']] == [
        'images/train/a.png', 'images/val/b.png']


def test_images_of_every_suffix_that_can_be_read_are_found(tmp_path):
    path = yolo(tmp_path)
    write_images(tmp_path, ['images/train/c.png'])
    (tmp_path / 'images/train/c.png').rename(tmp_path / 'images/train/c.jfif')
    assert 'images/train/c.jfif' in [one['file_name'] for one in converted(path)[1]['images']]


def test_other_files_among_the_images_are_passed_over(tmp_path):
    path = yolo(tmp_path)
    (tmp_path / 'images/train/notes.pdf').write_text('%PDF')
    assert len(converted(path)[1]['images']) == 2


def test_a_split_whose_labels_are_elsewhere_is_refused(tmp_path):
    path = yolo(tmp_path)
    (tmp_path / 'labels/val').rename(tmp_path / 'labels/valid')
    with pytest.raises(DataError, match=r'val: .*labels/val/b\.txt .* not there; name the folder'):
        converted(path)


def test_labels_are_found_from_the_folder_of_the_images_alone(tmp_path):
    path = yolo(tmp_path, train='train', val='val')
    _, content = converted(path, tmp_path / 'images')
    check(content | dict(images=content['images'][:1]), name='train/a.png')


def test_people_of_two_classes_are_refused(tmp_path):
    path = yolo(tmp_path)
    label = tmp_path / 'labels/train/a.txt'
    first, second = label.read_text().splitlines()
    label.write_text(f'{first}\n1{second[1:]}\n')
    with pytest.raises(DataError, match='2 classes are annotated; keep the lines of one'):
        converted(path)


def test_a_byte_order_mark_before_a_label_is_passed_over(tmp_path):
    path, label = yolo(tmp_path), tmp_path / 'labels/train/a.txt'
    label.write_text(label.read_text(), encoding='utf-8-sig')
    check(converted(path)[1] | dict(images=[converted(path)[1]['images'][0]]),
          name='images/train/a.png')


@pytest.mark.parametrize(('flips', 'name'), [
    ([], 'nose'), (list(range(17)), 'nose'), (outline(COCO)['flip_indices'], 'nose'),
    ([1, 0, 2, 3, 4, 8, 9, 10, 5, 6, 7, 14, 15, 16, 11, 12, 13], 'keypoint_0')])     # of AP-10K
def test_seventeen_keypoints_are_those_of_coco_unless_their_pairs_are_others(
        tmp_path, flips, name):
    path = yolo(tmp_path, kpt_shape=[17, 3], kpt_names=None, flip_idx=flips)
    label = tmp_path / 'labels/train/a.txt'
    label.write_text(' '.join(['0 0.5 0.5 0.5 0.5', *['0.5 0.5 2'] * 17]))
    assert converted(path)[1]['categories'][0]['keypoints'][0] == name


def test_only_the_last_folder_of_images_becomes_labels(tmp_path):
    (tmp_path / 'images').mkdir()
    _, content = converted(yolo(tmp_path / 'images'))
    check(content | dict(images=content['images'][:1]), name='images/train/a.png')


def test_an_image_of_both_splits_is_trained_on(tmp_path):
    source, content = converted(yolo(tmp_path, val=['images/train', 'images/val']))
    assert len(content['annotations']) == 2 and not source.validation


def test_without_visibility_a_keypoint_is_missing_if_x_and_y_are_0(tmp_path):
    path = yolo(tmp_path, kpt_shape=[3, 2], kpt_names=None)
    (tmp_path / 'labels/train/a.txt').write_text('0 0.5 0.5 1 1 0.25 0.5 0 0.5 0 0\n')
    annotation, = converted(path)[1]['annotations']
    assert annotation['keypoints'] == [20, 30, 2, 0, 30, 2, 0, 0, 0]
