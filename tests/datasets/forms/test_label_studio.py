"""An export of Label Studio becomes a file in COCO's form."""
import json
from pathlib import Path

import pytest
from own_people import write_images
from two_cats import BOXES, EYE, NOSES, check, converted

from hourglass.errors import DataError


def label_studio(folder: Path, image: str, parents: bool) -> Path:
    size = dict(original_width=80, original_height=60, to_name='img')
    result: list[dict] = [dict(size, id=f'box{i}', type='rectanglelabels', value=dict(
        x=x / 0.8, y=y / 0.6, width=width / 0.8, height=height / 0.6))
        for i, (x, y, width, height) in enumerate(BOXES)]
    for name, (x, y), owner in (('nose', NOSES[0], 0), ('eye', EYE, 0), ('nose', NOSES[1], 1)):
        result.append(dict(size, id=f'{name}{owner}', type='keypointlabels', value=dict(
            x=x / 0.8, y=y / 0.6, width=0.5, keypointlabels=[name])))
        if parents:
            result[-1]['parentID'] = f'box{owner}'
    path = folder / 'export.json'
    path.write_text(json.dumps([dict(
        id=1, data=dict(note='Mr. Cat sits', img=image), annotations=[dict(result=result)])]))
    return path


@pytest.mark.parametrize('parents', [True, False])
@pytest.mark.parametrize('image', ['/data/upload/3/1a2b3c4d-a%20b.png',
                                   '/data/local-files/?d=cats%5Ca%20b.png'])
def test_an_export_of_label_studio_gives_the_same_people(tmp_path, image, parents):
    write_images(tmp_path, ['a b.png'])
    check(converted(label_studio(tmp_path, image, parents))[1], hidden=False, name='a b.png')


@pytest.mark.parametrize('image', ['/data/local-files/?d=sub/20240101-a.png',
                                   's3://bucket/sub/20240101-a.png'])
def test_a_name_that_begins_like_an_uploaded_ones_is_found(tmp_path, image):
    write_images(tmp_path, ['sub/20240101-a.png'])
    check(converted(label_studio(tmp_path, image, True))[1], hidden=False,
          name='sub/20240101-a.png')


def test_another_list_is_refused(tmp_path):
    (tmp_path / 'a.json').write_text('[{"image_id": 1}]')
    with pytest.raises(DataError, match=r"a\.json, task 0: KeyError: 'annotations'"):
        converted(tmp_path / 'a.json')


def test_of_two_annotations_of_a_task_the_ground_truth_is_read(tmp_path):
    write_images(tmp_path, ['a b.png'])
    path = label_studio(tmp_path, '/data/upload/3/1a2b3c4d-a%20b.png', parents=True)
    task, = json.loads(path.read_text())
    task['annotations'] *= 2
    path.write_text(json.dumps([task]))
    with pytest.raises(DataError, match=r'export\.json, task 0: 2 annotations; mark one of them'):
        converted(path)
    task['annotations'][1] = task['annotations'][1] | dict(ground_truth=True)
    path.write_text(json.dumps([task]))
    check(converted(path)[1], hidden=False, name='a b.png')


def test_a_task_without_the_name_of_an_image_is_refused_with_what_it_has(tmp_path):
    with pytest.raises(DataError, match=r"no image is named by {'note': 'Mr\. Cat sits', 'img'"):
        converted(label_studio(tmp_path, 'a#1.png', True))


def test_results_of_other_kinds_are_reported(tmp_path):
    write_images(tmp_path, ['a.png'])
    path = label_studio(tmp_path, 'a.png', True)
    content = json.loads(path.read_text())
    content[0]['annotations'][0]['result'].append(dict(type='polygonlabels'))
    path.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="left out: 1 of kind 'polygonlabels'"):
        converted(path)


def test_two_uploads_of_one_name_are_no_one_image(tmp_path):
    write_images(tmp_path, ['a.png'])
    tasks = [json.loads(label_studio(tmp_path, f'/data/upload/3/{prefix}-a.png', True).read_text())
             for prefix in ('1a2b3c4d', '5e6f7a8b')]
    (tmp_path / 'export.json').write_text(json.dumps([*tasks[0], *tasks[1]]))
    with pytest.raises(DataError, match='/1a2b3c4d-a.png and .*/5e6f7a8b-a.png would be the same'):
        converted(tmp_path / 'export.json')


def test_an_image_of_another_size_is_refused(tmp_path):
    write_images(tmp_path, ['a.png'], size=(40, 30))
    with pytest.raises(DataError, match=r'a\.png: the image has 40x30 px and was annotated'):
        converted(label_studio(tmp_path, 'a.png', True))


def test_a_turned_box_is_that_around_it_and_a_turned_image_is_refused(tmp_path):
    write_images(tmp_path, ['a.png'])
    path = label_studio(tmp_path, 'a.png', True)
    task, = json.loads(path.read_text())
    result = task['annotations'][0]['result']
    x, y, width, height = BOXES[0]
    result[0]['value'] = dict(x=(x + width) / 0.8, y=y / 0.6, width=height / 0.8,
                              height=width / 0.6, rotation=90)
    path.write_text(json.dumps([task]))
    check(converted(path)[1], hidden=False)
    result[0]['image_rotation'] = 90
    path.write_text(json.dumps([task]))
    with pytest.raises(DataError, match=r'export\.json: a\.png was turned by 90 degrees'):
        converted(path)
