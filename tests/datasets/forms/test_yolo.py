"""YOLO-pose becomes a file in COCO's form, wherever its paths were written."""
import json
from pathlib import Path

import numpy as np
import pytest
from own_people import write_images
from two_cats import BOXES, EYE, NOSES, check, converted

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
    path = folder / 'data.yaml'
    path.write_text(json.dumps(dict(              # JSON is YAML
        train='images/train', val='images/val', kpt_shape=[2, 3], flip_idx=[0, 1],
        kpt_names={0: ['nose', 'eye']}) | config))
    return path


def test_yolo(tmp_path):
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
