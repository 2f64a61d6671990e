"""Splits of images: by share, by fold and by list."""
import pytest

from hourglass.datasets.splits import validation_images
from hourglass.errors import ConfigError

NAMES = [f'{i}.jpg' for i in range(20)]


def test_a_share_is_the_same_in_every_order_and_however_often_a_name_is_given():
    held = validation_images(NAMES, 0.15)
    assert len(held) == 3 and held == validation_images(NAMES[::-1] + NAMES, 0.15)
    assert held < validation_images(NAMES, 0.3)


def test_names_that_are_no_utf_8_are_split_and_listed(tmp_path):
    names = ['a.jpg', 'b\udcff.jpg', 'c.jpg', 'd.jpg']      # as Python reads b'b\xff.jpg'
    (tmp_path / 'val.txt').write_bytes(b'b\xff.jpg\n')
    assert validation_images(names, tmp_path / 'val.txt') == {'b\udcff.jpg'}
    assert set().union(*(validation_images(names, (fold, 4)) for fold in range(4))) == set(names)


def test_every_image_is_in_one_fold():
    folds = [validation_images(NAMES, (k, 3)) for k in range(3)]
    assert sorted(name for fold in folds for name in fold) == sorted(NAMES)
    assert [len(fold) for fold in folds] == [7, 7, 6]


def test_a_list_names_them(tmp_path):
    path = tmp_path / 'val.txt'
    path.write_bytes(b'\xef\xbb\xbf3.jpg\r\n5.jpg \r\n')       # as Excel writes it
    assert validation_images(NAMES, path) == {'3.jpg', '5.jpg'}


@pytest.mark.parametrize(('held_out', 'message'), [
    (0.0, 'give a share between 0 and 1'), (1.5, 'give a share'), (0.99, 'leaves some to train on'),
    ((3, 3), r'give \(k, n\), fold k'), ((0, 21), 'there are 20 images'), ((0, 1), 'fold k'),
    ((0, 1, 2), 'fold k')])
def test_what_leaves_a_split_empty_is_refused(held_out, message):
    with pytest.raises(ConfigError, match=message):
        validation_images(NAMES, held_out)


@pytest.mark.parametrize(('text', 'message'), [
    ('3.jpg\n03.jpg', "1 names are not among the annotated images, first '03.jpg', did you mean"),
    ('', 'lists 0 of 20'), ('\n'.join(NAMES), 'lists 20 of 20')])
def test_a_list_of_other_images_is_refused(tmp_path, text, message):
    path = tmp_path / 'val.txt'
    path.write_text(text)
    with pytest.raises(ConfigError, match=f'val.txt: {message}'):
        validation_images(NAMES, path)
