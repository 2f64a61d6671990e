"""Forms are told apart by their files."""
import json

import pytest
from own_people import write_images
from two_cats import EYE, NOSES, labelme

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


TABLE = 'scorer,me,me,me\nbodyparts,nose,nose,nose\ncoords,%s\na.png,%s\n'


@pytest.mark.parametrize(('name', 'content', 'reason'), [
    ('a.json', [dict(annotations='x', data={})], 'task 0: AttributeError|no attribute'),
    ('a.json', [dict(data=dict(a='a.png'), annotations=[dict(result=[dict(
        type='keypointlabels', original_width=80, original_height=60, value=dict(
            x=10**400, y=1))])])], 'too large'),
    ('a.json', [dict(annotations=[dict(result=[dict(type='keypointlabels')])],
                     data=dict(a='http://[x/a.png'))], 'Invalid IPv6'),
    ('a.json', dict(shapes=[dict(shape_type='point', label='a', points=[[1, 2]], group_id=[1])],
                    imagePath='a.png'), 'unhashable'),
    ('a.json', dict(shapes=[dict(shape_type='point', label='a', points=[[1, 2]], flags=[1])],
                    imagePath='a.png'), 'no attribute'),
    ('a.json', dict(shapes=[], imagePath='x\ny.png'), r'has no image x\\ny\.png'),
    ('a.csv', TABLE % ('x,y,likelihood', '1,2,3,4,5'), 'line 4: 6 cells, 4 needed'),
    ('a.csv', TABLE % ('x,y,likelihood', '1,2'), 'line 4: 3 cells, 4 needed'),
    ('a.csv', TABLE % ('a,b,c', '1,2,3'), 'coords are coords, a, b, c; a y needed after each x'),
    ('a.csv', TABLE % ('x,y,x', '1,2,3'), 'coords are coords, x, y, x; a y needed after each x'),
    ('a.yaml', dict(kpt_shape=[10**9, 3]), r'kpt_shape is \[1000000000, 3\], \[keyp'),
    ('a.yaml', dict(kpt_shape=[2, 3], flip_idx=[0, 9, 4]), 'out of range'),
    ('a.yaml', dict(kpt_shape=[2, 3], train=7), 'not iterable'),
    ('a.yaml', ''.join(f'a{i}: &a{i} [{", ".join([f"*a{i - 1}" if i else "x"] * 20)}]\n'
                       for i in range(9)) + 'kpt_shape: *a8\n', r'kpt_shape is \[\['),
    ('a.yaml', dict(kpt_shape=[2, 3], train='labels.txt'), 'labels.txt: not a text')])
def test_a_file_with_anything_in_it_is_refused_in_one_line(tmp_path, name, content, reason):
    write_images(tmp_path, ['a.png'])
    (tmp_path / 'labels.txt').write_bytes(b'\xff')
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    whole = 'shapes' in content
    with pytest.raises(DataError, match=rf'{tmp_path if whole else path}.*({reason})') as error:
        as_coco(tmp_path if whole else path, tmp_path, tmp_path / 'out/b.json')
    assert '\n' not in str(error.value)


def test_keypoints_come_in_the_order_of_another_annotation(tmp_path):
    labelme(tmp_path / 'me')                            # with a nose and an eye
    source = as_coco(tmp_path / 'me', None, tmp_path / 'b.json', ['tail', 'eye'])
    content = json.loads(source.file.read_text())
    assert source.names == content['categories'][0]['keypoints'] == ['tail', 'eye', 'nose']
    assert content['annotations'][0]['keypoints'] == [0, 0, 0, *EYE, 2, *NOSES[0], 2]
