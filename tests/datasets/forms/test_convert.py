"""Each form becomes the same file in COCO's form, or is refused with the file that is wrong."""
import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from own_people import write_images

from hourglass.datasets.coco_file import read_coco
from hourglass.datasets.forms.convert import Source, as_coco
from hourglass.errors import DataError

# two cats on 80 x 60 px; the second has no eye, and its nose is hidden where forms can say so
NOSES, EYE, BOXES = [(20.0, 15.0), (60.0, 30.0)], (24.0, 12.0), [(10, 6, 24, 30), (40, 12, 32, 36)]


def converted(path: Path, images: Path | None = None) -> tuple[Source, dict]:
    source = as_coco(path, images, path.parent / 'out/annotations.json')
    read_coco(source.file)                              # it is one of COCO's form
    return source, json.loads(source.file.read_text())


def check(content: dict, hidden: bool = True, boxes: bool = True, name: str = 'a.png') -> None:
    """The two cats are there, on an image of that name."""
    assert content['images'] == [dict(id=1, file_name=name, width=80, height=60)]
    assert content['categories'][0]['keypoints'] == ['nose', 'eye']
    keypoints = [one['keypoints'] for one in content['annotations']]
    assert np.allclose(keypoints, [[*NOSES[0], 2, *EYE, 2],
                                   [*NOSES[1], 1 if hidden else 2, 0, 0, 0]], atol=1e-4)
    if boxes:
        assert np.allclose([one['bbox'] for one in content['annotations']], BOXES, atol=1e-4)


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
    (dict(kpt_shape=None), 'kpt_shape is None'), (dict(kpt_names=['nose']), 'kpt_names has 1 names'),
    (dict(train='images/other'), 'has no images/other'), (dict(kpt_shape=[2, 2], kpt_names=None),
                                                          r'a.txt, line 1: 9 numbers needed')])
def test_yolo_is_refused_by_name(tmp_path, config, message):
    with pytest.raises(DataError, match=message):
        converted(yolo(tmp_path, **config))


@pytest.mark.parametrize('columns', [1, 3])
def test_deeplabcut(tmp_path, columns):
    write_images(tmp_path / 'labeled-data/video', ['a.png'])
    frame = ['labeled-data', 'video', 'a.png']
    index = [r'labeled-data\video\a.png'] if columns == 1 else frame
    none = [''] * (len(index) - 1)
    rows = [['scorer', *none, *['me'] * 8],
            ['individuals', *none, *['one'] * 4, *['two'] * 4],
            ['bodyparts', *none, *['nose', 'nose', 'eye', 'eye'] * 2],
            ['coords', *none, *['x', 'y'] * 4],
            [*index, *NOSES[0], *EYE, *NOSES[1], '', '']]
    path = tmp_path / 'labeled-data/video/CollectedData_me.csv'
    with path.open('w', newline='') as file:
        csv.writer(file).writerows(rows)
    path.with_suffix('.h5').touch()
    for given in (path, path.with_suffix('.h5')):
        _, content = converted(given)
        check(content, hidden=False, boxes=False, name='labeled-data/video/a.png')


def test_a_table_of_another_kind_is_refused(tmp_path):
    (tmp_path / 'a.csv').write_text('x,y\n1,2\n')
    with pytest.raises(DataError, match="no rows 'bodyparts' and 'coords'"):
        converted(tmp_path / 'a.csv')


def labelme(folder: Path, grouped: bool = True, **changes: object) -> Path:
    write_images(folder, ['a.png'])

    def shape(kind: str, label: str, group: int, *points: tuple[float, float]) -> dict:
        return dict(label=label, points=points, shape_type=kind,
                    group_id=group if grouped else None)
    shapes = [shape('point', 'nose', 0, NOSES[0]), shape('point', 'eye', 0, EYE),
              shape('point', 'nose', 1, NOSES[1]) | dict(flags=dict(occluded=True))]
    shapes += [shape('rectangle', 'cat', i, (x + width, y), (x, y + height))
               for i, (x, y, width, height) in enumerate(BOXES)]
    (folder / 'a.json').write_text(json.dumps(dict(
        imagePath=r'..\raw\a.png', imageWidth=80, imageHeight=60, shapes=shapes) | changes))
    return folder


@pytest.mark.parametrize('grouped', [True, False])
def test_labelme_by_groups_or_by_boxes(tmp_path, grouped):
    check(converted(labelme(tmp_path / 'me', grouped))[1])


def test_points_that_belong_to_nobody_are_refused(tmp_path):
    points = [dict(label='nose', points=[place], shape_type='point') for place in NOSES]
    with pytest.raises(DataError, match=r"a\.png has two points 'nose' of one person"):
        converted(labelme(tmp_path / 'me', shapes=points))
    box = dict(label='cat', points=[(0, 0), (30, 30)], shape_type='rectangle')
    with pytest.raises(DataError, match=r"a\.png: point 'nose' lies in no box and has no group"):
        converted(labelme(tmp_path / 'me', shapes=[*points, box]))


def test_a_file_of_labelme_that_is_broken_is_named(tmp_path):
    with pytest.raises(DataError, match=r'a\.json: not a file of labelme'):
        converted(labelme(tmp_path / 'me', shapes=[dict(label='nose')]))
    with pytest.raises(DataError, match='has no image b.png'):
        converted(labelme(tmp_path / 'me', imagePath='b.png'))


CVAT_SHAPES = '''
<points label="nose" group_id="1" occluded="0" points="20,15"/>
<points label="eye" group_id="1" occluded="0" points="24,12"/>
<points label="nose" group_id="2" occluded="1" points="60,30"/>
<box label="cat" group_id="1" xtl="10" ytl="6" xbr="34" ybr="36"/>
<box label="cat" group_id="2" xtl="40" ytl="12" xbr="72" ybr="48"/>'''
CVAT_SKELETONS = '''
<skeleton label="cat"><points label="nose" occluded="0" outside="0" points="20,15"/>
<points label="eye" occluded="0" outside="0" points="24,12"/></skeleton>
<skeleton label="cat"><points label="nose" occluded="1" outside="0" points="60,30"/>
<points label="eye" occluded="0" outside="1" points="0,0"/></skeleton>'''


def cvat(folder: Path, shapes: str, image: str = 'a.png') -> Path:
    write_images(folder, ['a.png'])
    path = folder / 'annotations.xml'
    path.write_text(f'<annotations><image id="0" name="{image}" width="80" height="60">{shapes}'
                    '</image></annotations>')
    return path


@pytest.mark.parametrize('shapes', [CVAT_SHAPES, CVAT_SKELETONS], ids=['shapes', 'skeletons'])
def test_cvat(tmp_path, shapes):
    check(converted(cvat(tmp_path, shapes))[1], boxes=shapes is CVAT_SHAPES)


def test_points_of_cvat_that_are_one_shape_are_numbered(tmp_path):
    _, content = converted(cvat(tmp_path, '<points label="cat" points="20,15;24,12"/>'))
    assert content['categories'][0]['keypoints'] == ['cat_1', 'cat_2']
    assert content['annotations'][0]['keypoints'] == [20, 15, 2, 24, 12, 2]


@pytest.mark.parametrize(('shapes', 'message'), [
    ('<points label="nose" points="20"/>', 'image a.png: ValueError'), ('<box', 'not an XML file'),
    ('<points points="20,15"/>', "image a.png: KeyError: 'label'"), ('', 'no annotated keypoint')])
def test_cvat_is_refused_by_name(tmp_path, shapes, message):
    with pytest.raises(DataError, match=f'annotations.xml: {message}'):
        converted(cvat(tmp_path, shapes))


def label_studio(folder: Path, image: str, parents: bool) -> Path:
    size = dict(original_width=80, original_height=60, to_name='img')
    result: list[dict] = [dict(size, id=f'box{i}', type='rectanglelabels', value=dict(
        x=x / 0.8, y=y / 0.6, width=w / 0.8, height=h / 0.6)) for i, (x, y, w, h) in enumerate(BOXES)]
    for name, (x, y), owner in (('nose', NOSES[0], 0), ('eye', EYE, 0), ('nose', NOSES[1], 1)):
        result.append(dict(size, id=f'{name}{owner}', type='keypointlabels', value=dict(
            x=x / 0.8, y=y / 0.6, width=0.5, keypointlabels=[name])))
        if parents:
            result[-1]['parentID'] = f'box{owner}'
    path = folder / 'export.json'
    path.write_text(json.dumps([dict(
        id=1, data=dict(note='a cat', img=image), annotations=[dict(result=result)])]))
    return path


@pytest.mark.parametrize('parents', [True, False])
@pytest.mark.parametrize('image', ['/data/upload/3/1a2b3c4d-a%20b.png',
                                   '/data/local-files/?d=cats%5Ca%20b.png'])
def test_label_studio(tmp_path, image, parents):
    write_images(tmp_path, ['a b.png'])
    check(converted(label_studio(tmp_path, image, parents))[1], hidden=False, name='a b.png')


def test_another_list_is_refused(tmp_path):
    (tmp_path / 'a.json').write_text('[{"image_id": 1}]')
    with pytest.raises(DataError, match=r"a\.json, task 0: KeyError: 'annotations'"):
        converted(tmp_path / 'a.json')


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


def test_sleap_needs_its_package(tmp_path, monkeypatch):
    (tmp_path / 'a.slp').touch()
    monkeypatch.setitem(sys.modules, 'sleap_io', None)
    with pytest.raises(DataError, match=r'a\.slp: read by the package sleap-io; pip install'):
        converted(tmp_path / 'a.slp')


def test_sleap(tmp_path):
    sleap_io = pytest.importorskip('sleap_io')
    write_images(tmp_path, ['a.png'])
    skeleton = sleap_io.Skeleton(['nose', 'eye'], edges=[('nose', 'eye')])
    places = [[NOSES[0], EYE], [NOSES[1], (np.nan, np.nan)]]
    frame = sleap_io.LabeledFrame(
        sleap_io.Video.from_filename([str(tmp_path / 'a.png')]), 0,
        [sleap_io.Instance.from_numpy(np.array(one), skeleton) for one in places])
    sleap_io.Labels([frame]).save(str(tmp_path / 'cats.slp'))
    source, content = converted(tmp_path / 'cats.slp')
    check(content, hidden=False, boxes=False, name='0_000000.png')
    assert content['categories'][0]['skeleton'] == [[1, 2]]
    assert (source.images / '0_000000.png').is_file()
