"""MPII's annotations: 1-based to 0-based, the crop once, head boxes by person, refusals."""
import json

import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs

from hourglass.datasets.mpii import MpiiDataset
from hourglass.datasets.mpii_files import crop_square, head_unit, read_mpii
from hourglass.errors import DataError


def record(seed: int = 0, **changes) -> dict:
    joints = np.random.default_rng(seed).integers(1, 200, (16, 2)).astype(float)
    return dict(image=f'{seed}.jpg', center=[101.0, 81.0], scale=1.5, joints=joints.tolist(),
                joints_vis=[1] * 16) | changes


def write(path, records) -> str:
    path.write_text(json.dumps(records))
    return str(path)


def test_coordinates_become_0_based_and_the_crop_is_adjusted_once(tmp_path):
    raw = record(joints_vis=[0] + [1] * 15)
    person, = read_mpii(write(tmp_path / 'a.json', [raw]))
    assert np.isnan(person.keypoints_image[0]).all()
    assert np.array_equal(person.keypoints_image[1:], np.array(raw['joints'])[1:] - 1)
    assert person.center_image.tolist() == [100, 80 + 15 * 1.5]
    assert person.side_image == 200 * 1.25 * 1.5


@needs(DATA / 'mpii/valid.h5')
@pytest.mark.data
def test_real_people_get_the_authors_crops_and_head_sizes(tmp_path):
    """The five photographed validation people, against the authors' valid.h5 (1-based)."""
    h5py = pytest.importorskip('h5py')
    people = read_mpii(DATA / 'mpii/five_people.json',
                       head_box_file=DATA / 'mpii/detections_our_format.mat')
    with h5py.File(DATA / 'mpii/valid.h5') as file:
        theirs = {name: file[name][:] for name in file}
    for person in people:
        rows = [i for i, name in enumerate(theirs['imgname'])
                if name.decode().rstrip('\0') == person.picture]
        row = min(rows, key=lambda i: np.abs(
            theirs['part'][i] - 1 - np.nan_to_num(person.keypoints_image, nan=-1)).sum())
        annotated = ~np.isnan(person.keypoints_image).any(-1)
        # the h5 holds whole pixels, the JSON fractions for neck and head
        assert np.array_equal(np.floor(person.keypoints_image + 1)[annotated],
                              theirs['part'][row][annotated])
        assert np.abs(person.center_image - theirs['center'][row] + 1).max() < 0.01
        assert person.side_image == pytest.approx(200 * theirs['scale'][row], abs=0.01)
        assert person.pck_unit == pytest.approx(theirs['normalize'][row], rel=1e-3)


def test_head_boxes_go_by_person_and_not_by_position(tmp_path):
    records = [record(seed) for seed in range(3)]
    joints = np.array([r['joints'] for r in records])
    boxes = np.array([[[0, 0], [3, 4]], [[0, 0], [6, 8]], [[0, 0], [30, 40]]], float)
    order = [2, 0, 1]                       # the file lists them in another order
    scipy.io.savemat(tmp_path / 'gt.mat', dict(
        headboxes_src=boxes[order].transpose(1, 2, 0), jnt_missing=np.zeros((16, 3)),
        pos_gt_src=joints[order].transpose(1, 2, 0)))
    people = read_mpii(write(tmp_path / 'a.json', records), head_box_file=tmp_path / 'gt.mat')
    assert [p.pck_unit for p in people] == [0.6 * 5, 0.6 * 10, 0.6 * 50]

    with pytest.raises(DataError, match=r'gone\.mat: no such file'):
        read_mpii(tmp_path / 'a.json', head_box_file=tmp_path / 'gone.mat')
    short = write(tmp_path / 'c.json', [record(joints=[[1.0, 2.0]] * 14, joints_vis=[1] * 14)])
    with pytest.raises(DataError, match=r'c\.json, row 0'):
        read_mpii(short, head_box_file=tmp_path / 'gt.mat')
    stranger = write(tmp_path / 'b.json', [*records, record(9)])
    with pytest.raises(DataError, match=r'b\.json, row 3 .*do not belong together'):
        read_mpii(stranger, head_box_file=tmp_path / 'gt.mat')


def test_synthetic_people_bring_their_head_box_and_what_is_occluded(tmp_path):
    hidden = [0] * 15 + [1]
    raw = record(head_box=[10, 20, 13, 24], joints_occluded=hidden)
    person, = read_mpii(write(tmp_path / 'a.json', {'people': [raw]}))
    assert person.pck_unit == head_unit(np.array([10, 20, 13, 24])) == 3.0
    assert person.occluded.tolist() == [bool(h) for h in hidden]


@pytest.mark.parametrize(('content', 'message'), [
    ('{"people": 3}', 'a list of people needed'),
    ('[{"image": "a.jpg"', 'not a JSON file'),
    ([{k: v for k, v in record().items() if k != 'scale'}], "row 0: field 'scale' is missing"),
    ([record(joints=[[1.0, 2.0]] * 15)], '15 joints, 16 joints_vis'),
    ([record(joints=[[1.0, 2.0]] * 14, joints_vis=[1] * 14)], r'joints of shape \(14, 2\)'),
    ([record(), record(joints=[[1.0, float('nan')]] * 16)], 'row 1 .* NaN but marked'),
    ([record(joints=[['x', 'y']] * 16)], 'row 0: could not convert'),
    ([record(center=[float('nan'), 3])], 'the centre is'),
    ([record(scale=float('nan'))], 'the scale is nan'),
    ([record(scale=0)], 'a crop of 0'), ([record(scale=-1)], 'more than 0 needed'),
    ([record(image='missing.jpg')], '1 of 1 pictures are missing, first missing.jpg'),
    ([], 'no people')])
def test_bad_annotations_name_file_row_and_fix(tmp_path, content, message):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/0.jpg').touch()
    path = tmp_path / 'a.json'
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DataError, match=message) as error:
        MpiiDataset(data_root=str(tmp_path), ann_file='a.json')
    assert str(tmp_path) in str(error.value)
    assert '\n' not in str(error.value)


def test_missing_folders_are_named(tmp_path):
    with pytest.raises(DataError, match='nowhere: no such data folder. Set HOURGLASS_DATA'):
        MpiiDataset(data_root=str(tmp_path / 'nowhere'), ann_file='a.json')
    write(tmp_path / 'a.json', [record()])
    with pytest.raises(DataError, match='images: no such picture folder'):
        MpiiDataset(data_root=str(tmp_path), ann_file='a.json')


def test_the_crop_of_a_known_person():
    middle, side = crop_square(np.array([593.0, 256.0]), 3.021)
    assert (middle.tolist(), side) == ([593.0, 256 + 45.315], pytest.approx(755.25))
