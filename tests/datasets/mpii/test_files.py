"""MPII's annotation files: 1-based to 0-based, the crop once, head boxes by person."""
import gzip
import json

import h5py
import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs
from mpii_records import record, write
from pairs import zip_equal

from hourglass.datasets.mpii.files import (
    _add_head_units,
    crop_square,
    head_unit,
    read_mpii,
)
from hourglass.errors import ConfigError, DataError


def test_coordinates_become_0_based_and_the_crop_is_adjusted_once(tmp_path):
    raw = record(joints_vis=[0] + [1] * 15)
    person, = read_mpii(write(tmp_path / 'a.json', [raw]))
    assert np.isnan(person.keypoints_image[0]).all()
    assert np.array_equal(person.keypoints_image[1:], np.array(raw['joints'])[1:] - 1)
    assert person.center_image.tolist() == [100, 80 + 15 * 1.5]
    assert person.side_image == 200 * 1.25 * 1.5


def both_forms(tmp_path, seeds=(0, 1)) -> dict[str, str]:
    """The same people in each published form."""
    records = [record(seed, joints_vis=[0] + [1] * 15) for seed in seeds]
    joints = np.array([r['joints'] for r in records])                           # (P, 16, 2)
    joints[:, 0] = 0                                                            # not annotated
    visible = np.ones((len(seeds), 16))
    visible[:, 0] = visible[:, 7] = 0                                           # 7 is occluded
    boxes = np.array([[10, 20, 40, 60]] * len(seeds), float)
    hrnet = [r | dict(head_box=box.tolist(), joints_occluded=[i == 7 for i in range(16)],
                      annolist_index=seed + 1, people_index=2)
             for r, seed, box in zip_equal(records, seeds, boxes)]
    bearpaw = [dict(img_paths=r['image'], objpos=r['center'], scale_provided=r['scale'],
                    joint_self=np.c_[j, v].tolist(), isValidation=1.0, annolist_index=seed + 1.0,
                    people_index=2.0)
               for r, j, v, seed in zip_equal(records, joints, visible, seeds)]
    other = bearpaw[0] | dict(isValidation=0.0)
    with gzip.open(tmp_path / 'mpii_annotations.json.gz', 'wt') as file:
        json.dump([other, *bearpaw], file)
    centers, scales = (np.array([r[key] for r in records]) for key in ('center', 'scale'))
    with h5py.File(tmp_path / 'valid.h5', 'w') as file:
        for name, array in dict(
                imgname=np.array([r['image'] for r in records], 'S13'), part=joints,
                visible=visible, center=centers + np.c_[0 * scales, 15 * scales],
                scale=1.25 * scales, normalize=np.full(len(seeds), 0.6 * 50),
                index=np.array(seeds, float), person=np.ones(len(seeds))).items():
            file[name] = array
    scipy.io.savemat(tmp_path / 'gt.mat', dict(
        headboxes_src=boxes.reshape(-1, 2, 2).transpose(1, 2, 0),
        pos_gt_src=joints.transpose(1, 2, 0), jnt_missing=(joints == 0).all(-1).T))
    return dict(hrnet=write(tmp_path / 'val.json', hrnet), h5=tmp_path / 'valid.h5',
                bearpaw=tmp_path / 'mpii_annotations.json.gz')


def assert_same(ours, theirs, joints_px: float = 0, crop_px: float = 1e-9) -> None:
    assert len(ours) == len(theirs) > 0
    for a, b in zip_equal(ours, theirs):
        assert (a.image_name, a.place) == (b.image_name, b.place)
        assert np.abs(a.center_image - b.center_image).max() <= crop_px
        assert abs(a.side_image - b.side_image) <= crop_px
        assert np.array_equal(np.isnan(a.keypoints_image), np.isnan(b.keypoints_image))
        assert np.nanmax(np.abs(a.keypoints_image - b.keypoints_image)) <= joints_px
        assert np.array_equal(a.occluded, b.occluded)
        assert a.pck_unit == pytest.approx(b.pck_unit, rel=1e-6)


def test_the_same_people_come_out_of_every_form(tmp_path):
    files = both_forms(tmp_path)
    hrnet = read_mpii(files['hrnet'])
    assert hrnet[1].place == (1, 1)
    assert hrnet[1].occluded.tolist() == [i == 7 for i in range(16)]
    assert_same(read_mpii(files['h5']), hrnet)
    bearpaw = read_mpii(files['bearpaw'], 'val', head_box_file=tmp_path / 'gt.mat')
    assert_same(bearpaw, hrnet)
    assert len(read_mpii(files['bearpaw'], 'train')) == 1
    assert len(read_mpii(files['bearpaw'], 'trainval')) == 3


@needs(DATA / 'mpii/valid.h5')
@pytest.mark.data
def test_both_published_files_hold_the_same_validation_people():
    """All 2,958, in the same order: crops equal to rounding, joints to whole pixels."""
    h5 = read_mpii(DATA / 'mpii/valid.h5')
    bearpaw = read_mpii(DATA / 'mpii/mpii_annotations.json.gz', 'val',
                        DATA / 'mpii/detections_our_format.mat')
    assert len(h5) == 2958
    # the JSON has the scale to three decimals: 0.0005 x 250 px
    assert_same(h5, bearpaw, joints_px=1, crop_px=0.126)
    off = np.array([np.abs(a.keypoints_image - b.keypoints_image)
                    for a, b in zip_equal(h5, bearpaw)])                 # (P, 16, 2)
    neck_and_head = [8, 9]
    assert np.nanmax(np.delete(off, neck_and_head, axis=1)) == 0
    keypoints_input = [np.array([(p.keypoints_image - p.center_image) / p.side_image * 256
                                 for p in people]) for people in (h5, bearpaw)]
    moved = np.abs(np.subtract(*keypoints_input))
    moved[:, neck_and_head] = 0
    assert np.nanmax(moved) < 0.13              # px of 256, where the scale is rounded from 0.4615


@needs(DATA / 'mpii/valid.h5')
@pytest.mark.data
def test_the_five_photographed_people_are_the_authors():
    """The HRNet/mmpose form against valid.h5, which cuts joints to whole pixels, 1-based."""
    people = read_mpii(DATA / 'mpii/five_people.json',
                       head_box_file=DATA / 'mpii/detections_our_format.mat')
    theirs = read_mpii(DATA / 'mpii/valid.h5')
    for person in people:
        on_image = [other for other in theirs if other.image_name == person.image_name]
        other = min(on_image, key=lambda o: np.abs(o.center_image - person.center_image).sum())
        other.place = None                              # not in the HRNet/mmpose form
        person.occluded = other.occluded
        whole = np.floor(person.keypoints_image + 1) - 1
        assert np.array_equal(whole, other.keypoints_image, equal_nan=True)
        assert_same([person], [other], joints_px=1, crop_px=0.01)


@needs(DATA / 'mpii/valid.h5')
@pytest.mark.data
def test_head_boxes_find_damaged_people():
    """Thirteen joints of the box file have a zero coordinate; their ten people keep their box."""
    people = read_mpii(DATA / 'mpii/valid.h5')
    units = [person.pck_unit for person in people]
    for person in people:
        person.pck_unit = np.nan
    _add_head_units(people, DATA / 'mpii/detections_our_format.mat', 'valid.h5')
    assert [person.pck_unit for person in people] == pytest.approx(units, rel=1e-6)


def test_splits_are_chosen_where_there_are_several_and_only_there(tmp_path):
    files = both_forms(tmp_path)
    with pytest.raises(ConfigError, match="holds both splits, choose split='train'"):
        read_mpii(files['bearpaw'])
    for form in ('hrnet', 'h5'):
        with pytest.raises(ConfigError, match='holds one split; leave split out'):
            read_mpii(files[form], 'val')
    odd = write(tmp_path / 'odd.json', [{'img_paths': 'a.jpg', 'isValidation': 2}])
    with pytest.raises(DataError, match='row 0: isValidation is 2, 0 or 1 needed'):
        read_mpii(odd, 'train')
    with pytest.raises(ConfigError, match="split='valid', choose from"):
        read_mpii(files['hrnet'], 'valid')


@pytest.mark.parametrize(('change', 'message'), [
    ({'visible': np.ones((2, 14))}, r"'visible' of shape \(2, 14\), \(people, 16\) needed"),
    ({'part': np.full((2, 16, 2), 'x', 'S1')}, r"'part' holds .*S1, numbers needed"),
    ({'part': np.full((2, 16, 2), np.nan)}, 'row 0: a joint is not a number; write 0, 0'),
    ({'index': np.array([0, np.nan])}, r'row 1 \(1.jpg\): index and person are \[nan, 1.0\]'),
    ({'imgname': np.arange(2)}, "'imgname' holds no names"),
    ({'imgname': np.array([b'\xff', b'a'], 'S1')}, "'imgname' holds no names"),
    ({'imgname': np.array([b'a'], 'S1')}, '1 image names for 2 people'),
    ({'center': np.zeros((3, 2))}, 'arrays of different lengths'),
    ({'normalize': None}, "holds no 'normalize'"), ({}, None)])
def test_h5_files_of_another_form_are_refused(tmp_path, change, message):
    path = both_forms(tmp_path)['h5']
    with h5py.File(path, 'a') as file:
        for name, array in change.items():
            del file[name]
            if array is not None:
                file[name] = array
    if message is None:
        path.write_bytes(path.read_bytes()[:1000])
        message = 'not a readable h5 file'
    with pytest.raises(DataError, match=message) as error:
        read_mpii(path)
    assert str(path) in str(error.value)


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


def test_the_crop_of_a_known_person():
    middle, side = crop_square(np.array([593.0, 256.0]), 3.021)
    assert (middle.tolist(), side) == ([593.0, 256 + 45.315], pytest.approx(755.25))
