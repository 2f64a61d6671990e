"""A table of DeepLabCut becomes a file in COCO's form."""
import csv
from pathlib import Path

import pytest
from own_people import write_images
from two_cats import EYE, NOSES, check, converted

from hourglass.errors import DataError


@pytest.mark.parametrize('columns', [1, 3])
def test_a_table_of_deeplabcut_gives_the_same_people(tmp_path, columns):
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
    with path.open('w', newline='', encoding='utf-8-sig') as file:          # as Excel writes it
        csv.writer(file).writerows(rows)
    path.with_suffix('.h5').touch()
    for given in (path, path.with_suffix('.h5')):
        _, content = converted(given)
        check(content, hidden=False, boxes=False, name='labeled-data/video/a.png')


def project(folder, config: str) -> Path:
    write_images(folder / 'labeled-data/video', ['a.png'])
    (folder / 'config.yaml').write_text(config)
    path = folder / 'labeled-data/video/CollectedData_me.csv'
    path.write_text('individuals,one,one,one,one,single,single\n'
                    'bodyparts,nose,nose,eye,eye,corner,corner\ncoords,x,y,x,y,x,y\n'
                    'labeled-data/video/a.png,1,2,3,4,5,6\n')
    return path


def test_keypoints_of_no_animal_are_left_out_with_a_warning(tmp_path):
    with pytest.warns(UserWarning, match='belong to no animal are left out: corner$'):
        _, content = converted(project(tmp_path, ''))
    assert content['categories'][0]['keypoints'] == ['nose', 'eye']
    assert [one['keypoints'] for one in content['annotations']] == [[1, 2, 2, 3, 4, 2]]


@pytest.mark.filterwarnings('ignore:.*belong to no animal')
def test_bones_are_those_of_the_project(tmp_path):
    bones = 'skeleton:\n- - eye\n  - nose\n- - objectA\n  - nose\n'
    for config, expected in ((bones, [[2, 1]]), ('skeleton:', []), ('', [])):
        assert converted(project(tmp_path, config))[1]['categories'][0]['skeleton'] == expected
    with pytest.raises(DataError, match=r'config\.yaml: not a config of DeepLabCut'):
        converted(project(tmp_path, 'skeleton: [1]'))


def test_a_table_of_another_kind_is_refused(tmp_path):
    (tmp_path / 'a.csv').write_text('x,y\n1,2\n')
    with pytest.raises(DataError, match="no rows 'bodyparts' and 'coords'"):
        converted(tmp_path / 'a.csv')


def test_a_table_outside_of_a_project_is_refused_with_the_folder_of_its_images(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_text('bodyparts,nose,nose\ncoords,x,y\nno_such_frame.png,1,2\n')
    short = Path('/a.csv')
    with pytest.raises(DataError, match='has no image no_such_frame.png; name the folder'), \
            pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, 'absolute', lambda _: short)
        converted(path)
